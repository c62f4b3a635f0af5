// The sections of the page, each from what all workers say together.

import { bars, histogram, meter, spark, stacked } from "./charts.js";
import { h, pairs, put, row, table } from "./dom.js";
import { UNKNOWN, clock, compact, count, duration, outline, plural, rate, share } from "./format.js";
import { stateOf } from "./states.js";

const $ = (id) => document.getElementById(id);

/** Mean of the newest intervals: one alone jumps about. */
export const newest = (values, intervals = 3) => {
  const known = values.slice(-intervals).filter((value) => value !== null);
  return known.length > 0 ? known.reduce((total, value) => total + value, 0) / known.length : null;
};

const last = (values) => values.findLast((value) => value !== null) ?? null;

export const scoredNow = (history) => {
  const mean = history && newest(history.scored);
  return mean === null ? null : mean / history.interval;
};

const unique = (values) => [...new Set(values.filter((value) => value !== null && value !== undefined && value !== ""))];

export const showSubject = (all) => {
  const models = unique(all.known.map(({ model }) => model && `${model.name} ${model.version}`));
  put($("subject"), models.map((model) => h("span", {}, model)));
  return models.join(", ");
};

export const showFacts = (all) => {
  const started = all.answering.map(({ worker }) => worker.now - worker.started_at);
  const longest = started.length > 0 ? duration(Math.max(...started)) : UNKNOWN;
  const kafka = all.known[0]?.kafka ?? {};
  put(
    $("facts"),
    pairs([
      ["Up", longest],
      ["Group", kafka.group],
      ["Delivery", (kafka.delivery ?? "").replaceAll("_", " ")],
      ["Version", unique(all.known.map(({ worker }) => worker.version)).join(", ")],
    ]),
  );
};

const figure = (name, value, unit, below, level = null) =>
  h(
    "div",
    { "data-level": level },
    h("dt", {}, name),
    h("dd.value", {}, value, unit && h("span.unit", {}, ` ${unit}`)),
    h("dd.below", {}, below),
  );

export const showFigures = (all) => {
  const { totals, history, partitions, answering } = all;
  const lag = partitions.reduce((total, { lag_events: events }) => total + (events ?? 0), 0);
  const behind = partitions.map(({ lag_seconds: seconds }) => seconds).filter((seconds) => typeof seconds === "number");
  const dead = totals.dead_letters ?? 0;
  const done = (totals.scored ?? 0) + dead;
  const inARow = totals.aborts_in_a_row ?? 0;
  const [p50, p99] = history ? [last(history.p50), last(history.p99)] : [null, null];
  put(
    $("figures"),
    figure("Scored now", rate(scoredNow(history)), "/ s", `${count(totals.scored)} in all`),
    figure("Latency, half", ...split(duration(p50)), "p50, event to commit"),
    figure("Latency, 99 %", ...split(duration(p99)), answering.length > 1 ? "p99, slowest worker" : "p99, event to commit"),
    figure("Lag", count(partitions.length > 0 ? lag : null), partitions.length > 0 ? "events" : "", behind.length > 0 ? `${duration(Math.max(...behind))} behind` : "how far behind is not known"),
    figure("Dead letters", count(dead), "", done > 0 ? `${share(dead / done)} of all events` : "none"),
    figure("Transactions", count(totals.committed), "", aborted(totals.aborted ?? 0, inARow), inARow > 0 ? "warn" : null),
  );
};

/** "1 min 3 s" stays whole, "12 ms" becomes number and unit. */
const split = (text) => (/^\S+ \S+$/.test(text) ? text.split(" ") : [text, ""]);

const aborted = (all, inARow) => (inARow > 0 ? `${count(inARow)} aborted in a row` : `${count(all)} aborted`);

const WORKERS = [
  { title: "Worker" },
  { title: "State" },
  { title: "Scored / s", number: true },
  { title: "Last 5 minutes", kind: "wide" },
  { title: "Latency p99", number: true },
  { title: "Lag", number: true },
  { title: "Partitions", number: true },
  { title: "Up", number: true },
];

export const showWorkers = (members) => {
  $("workers-card").hidden = members.length < 2;
  if (members.length < 2) return;
  put($("workers"), table("Workers: state, throughput, latency, lag", WORKERS, members.map(workerRow)));
};

const workerRow = (member) => {
  const state = stateOf(member);
  const { worker, history, partitions } = member.status ?? {};
  const ask = (value) => (member.answers ? value() : UNKNOWN);
  const perSecond = ask(() => rate(scoredNow(history && { ...history, interval: history.interval_seconds })));
  return row(
    WORKERS,
    [
      h("span.name", {}, nameOf(member), h("span.sub", {}, [worker?.host, worker && `pid ${worker.pid}`].filter(Boolean).join(" · "))),
      h("span.badge", { "data-level": state.level }, state.word),
      perSecond,
      spark(member.answers ? history?.scored ?? [] : []),
      ask(() => duration(history ? last(history.age_p99_seconds) : null)),
      ask(() => count((partitions ?? []).reduce((total, { lag_events: events }) => total + (events ?? 0), 0))),
      ask(() => count((partitions ?? []).length)),
      ask(() => duration(worker.now - worker.started_at)),
    ],
    { class: member.answers ? null : "silent" },
  );
};

const nameOf = (member) =>
  member.answers && /^https?:\/\//.test(member.address)
    ? h("a", { href: `${member.address}/`, rel: "noreferrer" }, member.name)
    : member.name;

export const showPartitions = ({ partitions }, several) => {
  const topics = unique(partitions.map(({ topic }) => topic));
  const most = Math.max(...partitions.map(({ lag_events: events }) => events ?? 0), 0);
  const columns = [
    { title: "Partition" },
    ...(several ? [{ title: "Owner" }] : []),
    { title: "Lag", number: true },
    barColumn(),
    { title: "Behind", number: true },
    { title: "Committed", number: true },
  ];
  put($("partitions-note"), topics.length === 1 ? topics[0] : plural(topics.length, "topic", "topics"));
  if (partitions.length === 0) {
    put($("partitions"), h("p.empty", {}, "None at the moment. A worker without partitions stands by."));
    return;
  }
  const rows = partitions.map((each) => {
    const silent = !each.owner.answers;
    const owner = silent ? [each.owner.name, " ", h("span.badge", { "data-level": "bad" }, "does not answer")] : each.owner.name;
    return row(
      columns,
      [
        topics.length === 1 ? String(each.partition) : `${each.topic} ${each.partition}`,
        ...(several ? [owner] : []),
        count(each.lag_events),
        meter(each.lag_events ?? 0, most),
        duration(each.lag_seconds),
        count(each.committed),
      ],
      { class: silent ? "silent" : null },
    );
  });
  put($("partitions"), table("Lag and owner by partition", columns, rows));
};

const STAGES = [{ title: "Stage" }, { title: "Time", number: true }, { title: "Share", number: true }];
const ORDER = ["poll", "decode", "infer", "encode", "commit"];
const ABOUT = {
  poll: "taking events from the client",
  decode: "Avro to columns",
  infer: "the model",
  encode: "columns to Avro",
  commit: "the transaction",
};

export const showStages = ({ stages }) => {
  const names = [...ORDER.filter((name) => name in stages), ...Object.keys(stages).filter((name) => !ORDER.includes(name))];
  const whole = names.reduce((total, name) => total + stages[name], 0);
  const parts = names.map((name) => [name, stages[name]]);
  const label = `Time by stage: ${names.map((name) => `${name} ${share(whole > 0 ? stages[name] / whole : 0)}`).join(", ")}.`;
  if (whole === 0) {
    put($("stages"), h("p.empty", {}, "Nothing was done in the last minute."));
    return;
  }
  const rows = parts.map(([name, value], index) =>
    row(STAGES, [
      [h(`span.key.stage-${index}`, {}), name, h("span.sub", {}, ABOUT[name] ?? "")],
      duration(value),
      share(value / whole),
    ]),
  );
  put($("stages"), stacked(parts, label), table("Time by stage in the last minute", STAGES, rows));
};

const upTo = (value) => (value < 1000 ? String(value) : `${Math.floor(value / 1000)}k`);

export const showBatches = ({ batches }) => {
  if (batches === null) return put($("batches"), h("p.empty", {}, "No batch yet."));
  const labels = [...batches.upTo.map((value, index) => (index === 0 ? upTo(value) : `≤${upTo(value)}`)), `>${upTo(batches.upTo.at(-1))}`];
  const whole = batches.batches.reduce((total, value) => total + value, 0);
  const said = batches.batches.flatMap((value, index) => (value > 0 ? [`${labels[index]} events: ${count(value)}`] : []));
  return bars($("batches"), labels, batches.batches, `Batches by size, ${count(whole)} in all. ${said.join(", ")}.`);
};

export const showScores = ({ scores }) => {
  const place = $("scores");
  if (scores.length === 0) return put(place, h("p.empty", {}, "No score yet."));
  const columns = scores.length > 1 && place.clientWidth > 560 ? 2 : 1;
  const width = Math.max((place.clientWidth - 24 * (columns - 1)) / columns, 160);
  place.dataset.columns = columns;
  return put(
    place,
    scores.map((score) => {
      const { svg, moved } = histogram(score, width);
      const events = `${compact(score.recentEvents)} recent, ${compact(score.startEvents)} at the start`;
      const said = moved === null ? events : `${share(moved)} lie elsewhere now; ${events}`;
      const odd = score.notFinite > 0 ? `; ${count(score.notFinite)} not finite` : "";
      return h("div", {}, h("h3", {}, score.output), h("p.note", {}, said, odd), svg);
    }),
  );
};

/** A column of bars; its heading is for those who hear it. */
const barColumn = () => ({ title: h("span.unseen", {}, "As a bar"), kind: "wide" });

const featureColumns = () => [{ title: "Feature" }, barColumn(), { title: "Null", number: true }];

export const showFeatures = ({ features }) => {
  if (features.length === 0) return put($("features"), h("p.empty", {}, "No feature of this model can be null."));
  const columns = featureColumns();
  const rows = features.map(({ field, events, missing }) =>
    row(columns, [h("code", {}, field), meter(missing, events), share(events > 0 ? missing / events : null)]),
  );
  return put($("features"), table("Share of events in which a feature is null", columns, rows));
};

const reasonColumns = () => [{ title: "Reason" }, barColumn(), { title: "Events", number: true }];
const SAMPLES = [{ title: "At", kind: "at" }, { title: "Reason", kind: "why" }, { title: "Event", kind: "place" }, { title: "What was wrong", kind: "message" }];

export const showLetters = ({ reasons, samples, known }) => {
  const found = Object.entries(reasons).filter(([, events]) => events > 0).sort(([, one], [, other]) => other - one);
  const topic = known[0]?.kafka?.dead_letter_topic;
  put($("letters-note"), topic ?? (known.length > 0 ? "no dead-letter topic: the first bad event stops the worker" : ""));
  $("samples").hidden = samples.length === 0;
  if (found.length === 0 && samples.length === 0) return put($("reasons"), h("p.empty", {}, "None. Every event that was read has a score."));
  const most = Math.max(...found.map(([, events]) => events), 0);
  const columns = reasonColumns();
  put($("reasons"), table("Dead letters by reason", columns, found.map(([reason, events]) => row(columns, [h("code", {}, reason), meter(events, most, "letter"), count(events)]))));
  return put($("samples"), table("The last dead letters, newest first", SAMPLES, samples.map(sampleRow), { class: "samples" }));
};

const sampleRow = ({ at, topic, partition, offset, reason, stage, message, value }) =>
  row(SAMPLES, [
    clock(at),
    [h("code", {}, reason), h("span.sub", {}, stage)],
    `${topic}[${partition}]@${offset}`,
    [message, value !== null && value !== undefined && h("code.value", {}, value)],
  ]);

export const showModel = ({ known }) => {
  const models = known.map(({ model }) => model).filter(Boolean);
  const say = (read) => unique(models.map(read)).join(", ");
  const schemas = known.map((each) => each.schemas).filter(Boolean);
  put(
    $("model"),
    pairs([
      ["Name", say(({ name }) => name)],
      ["Version", say(({ version }) => version)],
      ["SHA-256", unique(models.map(({ sha256 }) => sha256)).map((hash) => h("code", { title: hash }, hash.slice(0, 16), "…"))],
      ["Runs on", say(({ providers }) => (providers ?? []).join(", "))],
      ["Threads", say(({ threads }) => threads)],
      ["Reader schema", unique(schemas.map(({ reader }) => reader)).map((each) => h("code", {}, each))],
      ["Framing", unique(schemas.map(({ framing }) => framing)).join(", ")],
    ]),
  );
};

export const showKafka = ({ known, totals }) => {
  const kafka = known[0]?.kafka ?? {};
  const topic = (name) => name && h("code", {}, name);
  put(
    $("kafka"),
    pairs([
      ["Group", topic(kafka.group)],
      ["Input", (kafka.input_topics ?? []).map((name, index) => [index > 0 && ", ", topic(name)])],
      ["Output", topic(kafka.output_topic)],
      ["Dead letters", topic(kafka.dead_letter_topic) ?? "no topic"],
      ["Delivery", (kafka.delivery ?? "").replaceAll("_", " ")],
      ["Rebalances", `${count(totals.assigned)} assigned, ${count(totals.revoked)} revoked, ${count(totals.lost)} lost`],
    ]),
  );
};

export const showConfig = ({ known }, several) => {
  const text = known[0]?.config ? outline(known[0].config) : "";
  put($("config-note"), several ? "of the first worker, secrets masked" : "secrets masked");
  put($("config"), text);
};
