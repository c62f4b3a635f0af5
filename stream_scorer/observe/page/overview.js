// The top of the page: what is served, how it is now, and who serves it.

import { spark } from "./charts.js";
import { $, h, number, pairs, put, row, table } from "./dom.js";
import { last, newest, sum, unique } from "./fleet.js";
import { UNKNOWN, count, duration, rate, share } from "./format.js";
import { stateOf } from "./states.js";

export const showSubject = ({ known }) => {
  const models = unique(known.map(({ model }) => model && `${model.name} ${model.version}`));
  put($("subject"), models.map((model) => h("span", {}, model)));
  return models.join(", ");
};

export const showFacts = ({ known, answering }) => {
  const up = answering.map(({ worker }) => worker.now - worker.started_at);
  put(
    $("facts"),
    pairs([
      ["Up", duration(up.length > 0 ? Math.max(...up) : null)],
      ["Group", known[0]?.kafka?.group],
      ["Version", unique(known.map(({ worker }) => worker.version)).join(", ")],
    ]),
  );
};

const figure = (name, value, unit, below, level) =>
  h(
    "div",
    { "data-level": level },
    h("dt", {}, name),
    h("dd.value", {}, value, unit && h("span.unit", {}, ` ${unit}`)),
    h("dd.below", {}, below),
  );

/** "12 ms" is a number and its unit, "1 min 3 s" stays whole. */
const split = (text) => (/^\S+ \S+$/.test(text) ? text.split(" ") : [text, ""]);

const perSecond = (scored, interval) => {
  const events = newest(scored ?? []);
  return events === null ? null : events / interval;
};

export const showFigures = ({ totals, history, partitions, answering }) => {
  const known = partitions.length > 0;
  const seconds = partitions.map((each) => each.lag_seconds).filter((each) => typeof each === "number");
  const dead = totals.dead_letters ?? 0;
  const all = (totals.scored ?? 0) + dead;
  const inARow = totals.aborts_in_a_row ?? 0;
  const latency = (values) => split(duration(last(values ?? [])));
  const whose = answering.length > 1 ? "of the slowest worker" : "from event to commit";
  const behind = seconds.length > 0 ? `${duration(Math.max(...seconds))} behind` : "";
  const aborted = inARow > 0 ? `${count(inARow)} aborted in a row` : `${count(totals.aborted ?? 0)} aborted`;
  put(
    $("figures"),
    figure("Scored now", rate(perSecond(history?.scored, history?.interval)), "/ s", `${count(totals.scored)} in all`),
    figure("Latency p50", ...latency(history?.p50), "from event to commit"),
    figure("Latency p99", ...latency(history?.p99), whose),
    figure("Lag", count(known ? lagOf(partitions) : null), known && "events", behind),
    figure("Dead letters", count(dead), "", all > 0 ? `${share(dead / all)} of all events` : ""),
    figure("Transactions", count(totals.committed), "", aborted, inARow > 0 && "warn"),
  );
};

const lagOf = (partitions) => sum(partitions.map(({ lag_events: events }) => events));

const WORKERS = [
  { title: "Worker" },
  { title: "State" },
  number("Scored / s"),
  { title: "Last minutes", kind: "wide" },
  number("Latency p99"),
  number("Lag"),
  number("Partitions"),
  number("Up"),
];

export const showWorkers = (members) => {
  $("workers-card").hidden = members.length < 2;
  if (members.length < 2) return;
  put($("workers"), table("State, throughput, latency and lag by worker", WORKERS, members.map(workerRow)));
};

const workerRow = (member) => {
  const { level, word } = stateOf(member);
  const { worker, history = {}, partitions = [] } = member.status ?? {};
  const process = worker ? `${worker.host} · pid ${worker.pid}` : "";
  const numbers = member.answers
    ? [
        rate(perSecond(history.scored, history.interval_seconds)),
        spark(history.scored ?? []),
        duration(last(history.age_p99_seconds ?? [])),
        count(lagOf(partitions)),
        count(partitions.length),
        duration(worker.now - worker.started_at),
      ]
    : [UNKNOWN, "", UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN];
  const name = h("span.name", {}, nameOf(member), " ", h("span.sub", {}, process));
  return row(WORKERS, [name, h("span.badge", { "data-level": level }, word), ...numbers], {
    class: !member.answers && "silent",
  });
};

/** Its own page is a link away; an address of any other kind is only text. */
const nameOf = ({ name, address, answers }) =>
  answers && /^https?:\/\//.test(address) ? h("a", { href: `${address}/`, rel: "noreferrer" }, name) : name;
