// Asks /status once a second and shows the answer; goes on where none comes.

import { spoken, timeChart } from "./charts.js";
import { showConfig, showKafka, showLetters, showModel } from "./details.js";
import { $, h, put } from "./dom.js";
import { remembering, together } from "./fleet.js";
import { clock, compact, duration, rate } from "./format.js";
import { showFacts, showFigures, showSubject, showWorkers } from "./overview.js";
import { showBatches, showFeatures, showPartitions, showScores, showStages } from "./scoring.js";
import { silence, stateOfAll } from "./states.js";

const ASK_MS = 1_000;
const ASK_HIDDEN_MS = 15_000;
const PATIENCE_MS = 3_000;

/** A legend that reads out what its chart shows: now, or where one looks. */
const legend = (id, ...entries) => (history, looked) => {
  const index = looked?.index ?? history.scored.length - 1;
  const entry = ([kind, name, text]) =>
    h("span", {}, h(`span.key.${kind}`), `${name} `, h("b", {}, text(history, index)));
  put($(id), looked && h("span.when", {}, `${duration(looked.ago)} ago`), entries.map(entry));
};

const throughputLegend = legend(
  "throughput-legend",
  ["area", "scored / s", ({ scored, interval }, index) => rate(scored[index] / interval)],
  ["ticks", "dead letters", ({ dead }, index) => compact(dead[index])],
);
const latencyLegend = legend(
  "latency-legend",
  ["p99", "p99", ({ p99 }, index) => duration(p99[index])],
  ["p50", "p50", ({ p50 }, index) => duration(p50[index])],
);

const charts = () => {
  let history = null;
  const throughput = timeChart($("throughput"), (looked) => throughputLegend(history, looked));
  const latency = timeChart($("latency"), (looked) => latencyLegend(history, looked));
  return (next) => {
    history = next;
    if (history === null) return;
    const { interval, dead, p50, p99 } = history;
    const scored = history.scored.map((events) => events / interval);
    throughput({
      interval,
      least: 10,
      axis: compact,
      summary: spoken("Scored events a second", scored, rate, interval),
      series: [{ values: scored, kind: "area" }, { values: dead, kind: "ticks" }],
    });
    latency({
      interval,
      least: 0.01,
      axis: duration,
      summary: `${spoken("p50", p50, duration, interval)} ${spoken("p99", p99, duration, interval)}`,
      series: [{ values: p99, kind: "p99" }, { values: p50, kind: "p50 area" }],
    });
  };
};

const show = (members, showHistory) => {
  const all = together(members);
  const several = members.length > 1;
  $("live").hidden = all.known.length === 0;
  showFacts(all);
  showFigures(all);
  showHistory(all.history);
  showWorkers(members);
  showPartitions(all, several);
  showStages(all);
  showBatches(all);
  showScores(all);
  showFeatures(all);
  showLetters(all);
  showModel(all);
  showKafka(all);
  showConfig(all, several);
  return showSubject(all);
};

const page = () => {
  const membersOf = remembering();
  const showHistory = charts();
  const started = new Map();
  let members = [];
  let answeredAt = null;
  let trouble = null;
  let subject = "";

  const showState = (news = "") => {
    const silent = answeredAt === null ? null : (performance.now() - answeredAt) / 1000;
    const state = trouble === null ? stateOfAll(members) : silence(silent, trouble, members);
    document.documentElement.dataset.answer = trouble === null ? "yes" : "no";
    document.title = [state.title, subject, "stream-scorer"].filter(Boolean).join(" · ");
    $("state").dataset.level = state.level;
    put($("state-title"), state.title);
    put($("state-detail"), state.lines.map((line) => h("p", {}, line)));
    put($("answered-at"), trouble === null ? `live ${clock(Date.now() / 1000)}` : "no answer");
    put($("announcement"), news + state.said); // is read out when it changes
  };

  const startedAnew = () => {
    const anew = ({ address, status }) => {
      const at = status.worker.started_at;
      const before = started.get(address) ?? at;
      started.set(address, at);
      return Math.abs(at - before) > 1;
    };
    return members.filter(({ answers }) => answers).filter(anew).length > 0;
  };

  return {
    answered: (answer) => {
      members = membersOf(answer);
      [answeredAt, trouble] = [performance.now(), null];
      subject = show(members, showHistory);
      showState(startedAnew() ? "Started anew. " : "");
    },
    failed: (why) => {
      trouble = why;
      showState();
    },
    tick: () => trouble !== null && showState(),
  };
};

/** An answer came, but none that can be shown. */
class Unusable extends Error {}

const ask = async () => {
  const response = await fetch("status", { cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS) });
  if (!response.ok) throw new Unusable(`/status answers ${response.status}.`);
  return response.json();
};

const watch = ({ answered, failed, tick }) => {
  let asking = false;
  let timer = 0;

  const tell = (answer) => {
    try {
      answered(answer);
    } catch (error) {
      console.error(error);
      throw new Unusable(`The page can't show what /status says: ${error.message}.`);
    }
  };
  const round = async () => {
    clearTimeout(timer);
    if (asking) return;
    asking = true;
    try {
      tell(await ask());
    } catch (error) {
      failed(error instanceof Unusable ? error.message : "");
    }
    asking = false;
    timer = setTimeout(round, document.hidden ? ASK_HIDDEN_MS : ASK_MS);
  };
  document.addEventListener("visibilitychange", () => document.hidden || round());
  setInterval(tick, ASK_MS);
  round();
};

watch(page());
