// Asks /status once a second and shows the answer; goes on where none comes.

import { spoken, timeChart } from "./charts.js";
import { h, put } from "./dom.js";
import { remembering, together } from "./fleet.js";
import { clock, compact, duration, rate } from "./format.js";
import * as sections from "./sections.js";
import { stateOfAll } from "./states.js";

const ASK_MS = 1_000;
const ASK_HIDDEN_MS = 15_000;
const PATIENCE_MS = 3_000;

const $ = (id) => document.getElementById(id);
const root = document.documentElement;

/** A legend that reads out what its chart shows: now, or where one looks. */
const legend = (place, entries) => (history, looked) => {
  const index = looked?.index ?? history.scored.length - 1;
  const when = looked === null ? "" : looked.ago === 0 ? "now" : `${duration(looked.ago)} ago`;
  put(
    place,
    when && h("span.when", {}, when),
    entries.map(({ kind, name, text }) => h("span.entry", {}, h(`span.key.${kind}`, {}), `${name} `, h("b", {}, text(history, index)))),
  );
};

const perSecond = (values, history, index) => rate((values[index] ?? 0) / history.interval);
const throughputLegend = legend($("throughput-legend"), [
  { kind: "area", name: "scored / s", text: (history, index) => perSecond(history.scored, history, index) },
  { kind: "ticks", name: "dead letters", text: (history, index) => compact(history.dead[index] ?? 0) },
]);
const latencyLegend = legend($("latency-legend"), [
  { kind: "p99", name: "p99", text: (history, index) => duration(history.p99[index]) },
  { kind: "p50", name: "p50", text: (history, index) => duration(history.p50[index]) },
]);

const page = () => {
  const memory = remembering();
  let members = [];
  let answeredAt = null; // this clock's, not the worker's
  let startedAt = new Map();
  let said = null;
  let history = null;
  let trouble = null;

  const throughput = timeChart($("throughput"), (looked) => throughputLegend(history, looked));
  const latency = timeChart($("latency"), (looked) => latencyLegend(history, looked));

  const announce = (text) => {
    if (text === said) return;
    said = text;
    $("announcement").textContent = text;
  };

  const showHistory = () => {
    if (history === null) return;
    const { interval } = history;
    const scored = history.scored.map((events) => events / interval);
    throughput({
      interval,
      least: 10,
      axis: compact,
      summary: spoken("Scored events a second", scored, rate, interval),
      series: [{ values: scored, kind: "area" }, { values: history.dead, kind: "ticks" }],
    });
    latency({
      interval,
      least: 0.01,
      axis: duration,
      summary: `${spoken("Half of the events took at most", history.p50, duration, interval)} ${spoken("99 % took at most", history.p99, duration, interval)}`,
      series: [{ values: history.p99, kind: "p99" }, { values: history.p50, kind: "p50 area" }],
    });
  };

  const showState = () => {
    const silent = answeredAt === null ? null : (performance.now() - answeredAt) / 1000;
    const state = trouble === null ? stateOfAll(members) : noAnswer(silent, trouble, members);
    root.dataset.answer = trouble === null ? "yes" : "no";
    $("state").dataset.level = state.level;
    put($("state-title"), state.title);
    put($("state-detail"), state.lines.map((line) => h("p", {}, line)));
    put($("answered-at"), trouble === null ? `live ${clock(Date.now() / 1000)}` : `no answer${silent === null ? "" : ` for ${duration(silent)}`}`);
    return state;
  };

  const show = () => {
    const all = together(members);
    const several = members.length > 1;
    history = all.history;
    $("live").hidden = all.known.length === 0;
    const subject = sections.showSubject(all);
    sections.showFacts(all);
    sections.showFigures(all);
    showHistory();
    sections.showWorkers(members);
    sections.showPartitions(all, several);
    sections.showStages(all);
    sections.showBatches(all);
    sections.showScores(all);
    sections.showFeatures(all);
    sections.showLetters(all);
    sections.showModel(all);
    sections.showKafka(all);
    sections.showConfig(all, several);
    return subject;
  };

  const restarted = () => {
    const now = new Map(members.filter(({ answers }) => answers).map(({ key, status }) => [key, status.worker.started_at]));
    const anew = [...now].some(([key, at]) => startedAt.has(key) && startedAt.get(key) !== at);
    startedAt = new Map([...startedAt, ...now]);
    return anew;
  };

  return {
    answered: (answer) => {
      members = memory.members(answer);
      answeredAt = performance.now();
      trouble = null;
      const again = restarted() ? "The worker has started anew. " : "";
      const subject = show();
      const state = showState();
      announce(again + state.said);
      document.title = [state.title, subject, "stream-scorer"].filter(Boolean).join(" · ");
    },
    failed: (why) => {
      trouble = why;
      const state = showState();
      announce(state.said);
      document.title = `${state.title} · stream-scorer`;
    },
    tick: () => {
      if (trouble !== null) showState();
    },
  };
};

const noAnswer = (silent, why, members) => {
  const seen = members.map(({ answeredAt }) => answeredAt).filter(Boolean);
  const since = silent === null ? "It has not answered yet." : `No answer for ${duration(Math.round(silent))}.`;
  const shown = seen.length > 0 ? `What is shown is from ${clock(Math.max(...seen))}; the page goes on asking.` : "The page goes on asking.";
  return { level: "bad", title: "Does not answer", lines: [`${since} ${why} ${shown}`], said: "Does not answer" };
};

/** An answer came, but not one that can be shown. */
class Unusable extends Error {}

const ask = async () => {
  const response = await fetch("status", { cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS) });
  if (!response.ok) throw new Unusable(`/status answers ${response.status}.`);
  return response.json();
};

const shown = (answered, answer) => {
  try {
    answered(answer);
  } catch (error) {
    console.error(error);
    throw new Unusable(`The page can't show what /status says (${error.message}).`);
  }
};

const watch = ({ answered, failed, tick }) => {
  let asking = false;
  let timer = 0;
  const round = async () => {
    clearTimeout(timer);
    if (asking) return;
    asking = true;
    try {
      shown(answered, await ask());
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
