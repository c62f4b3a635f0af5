// The workers that the page shows, from either shape of /status: one worker, or several.

/** Keeps the last that each worker said, so that one which is gone can still be shown. */
export const remembering = () => {
  const last = new Map();

  const member = (answer, alone) => {
    const key = answer.worker?.address ?? answer.address ?? "";
    if (answer.worker) last.set(key, answer);
    const status = last.get(key) ?? null;
    return {
      key,
      status,
      name: alone ? "the worker" : nameOf(answer, status),
      address: key,
      answers: Boolean(answer.worker),
      answeredAt: status?.worker.now ?? null,
      error: answer.error && answer.error !== "does not answer" ? answer.error : null,
    };
  };

  return {
    /** Returns the members of one answer. */
    members: (answer) =>
      answer.workers ? answer.workers.map((each) => member(each, false)) : [member(answer, true)],
  };
};

const nameOf = (answer, status) =>
  answer.name ?? status?.name ?? (answer.address ?? answer.worker?.address ?? "").replace(/^https?:\/\//, "");

const sum = (values) => values.reduce((total, value) => total + (value ?? 0), 0);

/** Adds up several workers; one that does not answer counts with what it said last. */
export const together = (members) => {
  const known = members.filter(({ status }) => status).map(({ status }) => status);
  const answering = members.filter(({ answers }) => answers).map(({ status }) => status);
  return {
    known,
    answering,
    totals: totalsOf(known),
    history: historyOf(known, answering),
    partitions: partitionsOf(members),
    stages: summed(answering.map(({ stages }) => stages ?? {})),
    batches: batchesOf(answering),
    scores: scoresOf(answering),
    features: featuresOf(known),
    reasons: summed(known.map(({ dead_letters }) => dead_letters?.by_reason ?? {})),
    samples: known
      .flatMap(({ dead_letters }) => dead_letters?.samples ?? [])
      .sort((one, other) => other.at - one.at)
      .slice(0, 10),
  };
};

const summed = (records) => {
  const total = {};
  for (const record of records) {
    for (const [name, value] of Object.entries(record)) total[name] = (total[name] ?? 0) + value;
  }
  return total;
};

const totalsOf = (statuses) => summed(statuses.map(({ totals }) => totals ?? {}));

/** Lays histories over each other by time; it ends where all that answer have said something. */
const historyOf = (known, answering) => {
  const histories = known.map(({ history }) => history).filter((history) => history?.scored);
  if (histories.length === 0) return null;
  const interval = histories[0].interval_seconds;
  const endOf = ({ until }) => Math.round(until / interval);
  const ending = answering.map(({ history }) => history).filter((history) => history?.scored);
  const end = Math.min(...(ending.length > 0 ? ending : histories).map(endOf));
  const length = Math.max(...histories.map((each) => each.scored.length - Math.max(0, endOf(each) - end)), 0);
  const at = (history, name, index) => {
    const place = history[name].length - 1 - (endOf(history) - end) - (length - 1 - index);
    return history[name][place] ?? null;
  };
  const series = (name, join) =>
    Array.from({ length }, (_, index) => join(histories.map((each) => at(each, name, index)), index));
  const scored = series("scored", sum);
  const weights = (index) => histories.map((each) => at(each, "scored", index) ?? 0);
  return {
    interval,
    until: end * interval,
    scored,
    dead: series("dead_letters", sum),
    p50: series("age_p50_seconds", (values, index) => middle(values, weights(index))),
    p99: series("age_p99_seconds", largest),
  };
};

const largest = (values) => {
  const known = values.filter((value) => value !== null);
  return known.length > 0 ? Math.max(...known) : null;
};

/** The mean by events: of percentiles no exact one can be made. */
const middle = (values, weights) => {
  let total = 0;
  let weight = 0;
  values.forEach((value, index) => {
    if (value === null) return;
    const events = Math.max(weights[index], 1);
    total += value * events;
    weight += events;
  });
  return weight > 0 ? total / weight : null;
};

/** Each partition once: with who answers, or else with its last owner. */
const partitionsOf = (members) => {
  const found = new Map();
  for (const member of [...members].sort((one, other) => one.answers - other.answers)) {
    for (const partition of member.status?.partitions ?? []) {
      found.set(`${partition.topic}[${partition.partition}]`, { ...partition, owner: member });
    }
  }
  return [...found.values()].sort(
    (one, other) => one.topic.localeCompare(other.topic) || one.partition - other.partition,
  );
};

const batchesOf = (statuses) => {
  const all = statuses.map(({ batch_rows }) => batch_rows).filter(Boolean);
  if (all.length === 0) return null;
  return { upTo: all[0].up_to, batches: all[0].batches.map((_, index) => sum(all.map((each) => each.batches[index]))) };
};

/** Histograms with the same edges are added; others stand beside each other. */
const scoresOf = (statuses) => {
  const found = new Map();
  for (const score of statuses.flatMap(({ scores }) => scores ?? [])) {
    const key = JSON.stringify([score.output, score.edges]);
    const before = found.get(key);
    const add = (name) => score[name].map((value, index) => value + (before?.[name][index] ?? 0));
    found.set(key, {
      output: score.output,
      edges: score.edges,
      start: add("start"),
      recent: add("recent"),
      startEvents: (score.start_events ?? 0) + (before?.startEvents ?? 0),
      recentEvents: (score.recent_events ?? 0) + (before?.recentEvents ?? 0),
      notFinite: (score.not_finite ?? 0) + (before?.notFinite ?? 0),
    });
  }
  return [...found.values()];
};

const featuresOf = (statuses) => {
  const found = new Map();
  for (const { field, events, missing } of statuses.flatMap(({ features }) => features ?? [])) {
    const before = found.get(field) ?? { events: 0, missing: 0 };
    found.set(field, { field, events: before.events + events, missing: before.missing + missing });
  }
  return [...found.values()].sort((one, other) => share(other) - share(one) || one.field.localeCompare(other.field));
};

const share = ({ events, missing }) => (events > 0 ? missing / events : 0);
