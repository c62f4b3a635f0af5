// The workers that the page shows, from either shape of /status: one worker, or several.

/** Keeps the last that each worker said, so that one which is gone can still be shown. */
export const remembering = () => {
  const said = new Map();

  const member = (answer, alone) => {
    const address = answer.worker?.address ?? answer.address ?? "";
    if (answer.worker) said.set(address, answer);
    const status = said.get(address) ?? null;
    return {
      address,
      status,
      name: alone ? "the worker" : (answer.name ?? address.replace(/^https?:\/\//, "")),
      answers: Boolean(answer.worker),
      answeredAt: status?.worker.now ?? null,
      error: answer.error ?? "does not answer",
    };
  };

  return (answer) => answer.workers?.map((each) => member(each, false)) ?? [member(answer, true)];
};

const isKnown = (value) => (value ?? "") !== "";

export const sum = (values) => values.reduce((total, value) => total + (value ?? 0), 0);

export const unique = (values) => [...new Set(values)].filter(isKnown);

/** The newest that is known. */
export const last = (values) => values.findLast(isKnown) ?? null;

/** The mean of the newest intervals: one alone jumps about. */
export const newest = (values) => {
  const known = values.slice(-3).filter(isKnown);
  return known.length > 0 ? sum(known) / known.length : null;
};

/** Adds up several workers; counts of one that does not answer are those that it said last. */
export const together = (members) => {
  const known = members.filter(({ status }) => status).map(({ status }) => status);
  const answering = members.filter(({ answers }) => answers).map(({ status }) => status);
  const letters = known.map(({ dead_letters: each }) => each ?? {});
  const samples = letters.flatMap((each) => each.samples ?? []).sort((one, other) => other.at - one.at);
  return {
    known,
    answering,
    totals: summed(known.map(({ totals }) => totals)),
    history: historyOf(known, answering),
    partitions: partitionsOf(members),
    stages: summed(answering.map(({ stages }) => stages)),
    batches: batchesOf(answering),
    scores: scoresOf(answering),
    features: featuresOf(known),
    reasons: summed(letters.map((each) => each.by_reason)),
    samples: samples.slice(0, 10),
  };
};

const summed = (records) => {
  const total = {};
  for (const [name, value] of records.flatMap((record) => Object.entries(record ?? {}))) {
    total[name] = (total[name] ?? 0) + value;
  }
  return total;
};

/** Lays histories over each other by time; it ends where all that answer have said something. */
const historyOf = (known, answering) => {
  const found = (statuses) => statuses.map(({ history }) => history).filter((each) => each?.scored.length > 0);
  const all = found(known);
  if (all.length === 0) return null;
  const interval = all[0].interval_seconds;
  const endOf = ({ until }) => Math.round(until / interval);
  const current = found(answering);
  const end = Math.min(...(current.length > 0 ? current : all).map(endOf));
  const length = Math.max(...all.map((each) => each.scored.length + Math.min(0, end - endOf(each))), 0);
  const series = (name, join) =>
    Array.from({ length }, (_, index) => {
      const at = (each, values) => values[values.length - length + index + end - endOf(each)] ?? null;
      return join(all.map((each) => at(each, each[name])), all.map((each) => at(each, each.scored)));
    });
  return {
    interval,
    scored: series("scored", sum),
    dead: series("dead_letters", sum),
    p50: series("age_p50_seconds", middle),
    p99: series("age_p99_seconds", (values) => (values.some(isKnown) ? Math.max(...values) : null)),
  };
};

/** The mean by events: of several medians no exact one can be made. */
const middle = (values, events) => {
  const weights = values.map((value, index) => (isKnown(value) ? Math.max(events[index], 1) : 0));
  return sum(weights) > 0 ? sum(values.map((value, index) => value * weights[index])) / sum(weights) : null;
};

/** Each partition once: with who answers, or else with its last owner. */
const partitionsOf = (members) => {
  const found = new Map();
  for (const owner of [...members].sort((one, other) => one.answers - other.answers)) {
    for (const each of owner.status?.partitions ?? []) {
      found.set(`${each.topic}[${each.partition}]`, { ...each, owner });
    }
  }
  return [...found.values()].sort(
    (one, other) => one.topic.localeCompare(other.topic) || one.partition - other.partition,
  );
};

const batchesOf = (statuses) => {
  const all = statuses.map(({ batch_rows: each }) => each).filter(Boolean);
  if (all.length === 0) return null;
  return { edges: all[0].up_to, counts: all.map(({ batches }) => batches).reduce(added) };
};

const added = (ones, others) => ones.map((value, index) => value + (others[index] ?? 0));

/** Histograms with the same edges are added; others stand beside each other. */
const scoresOf = (statuses) => {
  const found = new Map();
  const none = { start: [], recent: [], start_events: 0, recent_events: 0, not_finite: 0 };
  for (const each of statuses.flatMap(({ scores }) => scores ?? [])) {
    const key = JSON.stringify([each.output, each.edges]);
    const before = found.get(key) ?? none;
    found.set(key, {
      ...each,
      start: added(each.start, before.start),
      recent: added(each.recent, before.recent),
      start_events: each.start_events + before.start_events,
      recent_events: each.recent_events + before.recent_events,
      not_finite: each.not_finite + before.not_finite,
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
  const share = ({ events, missing }) => missing / Math.max(events, 1);
  return [...found.values()].sort((one, other) => share(other) - share(one) || one.field.localeCompare(other.field));
};
