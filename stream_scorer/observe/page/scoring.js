// How the work goes: partitions, stages, batches, scores, features.

import { bars, histogram, meter, stacked } from "./charts.js";
import { $, barColumn, empty, h, number, put, row, table } from "./dom.js";
import { sum, unique } from "./fleet.js";
import { compact, count, duration, plural, share } from "./format.js";

export const showPartitions = ({ partitions }, several) => {
  const topics = unique(partitions.map(({ topic }) => topic));
  const most = Math.max(...partitions.map(({ lag_events: events }) => events ?? 0), 0);
  const columns = [
    { title: "Partition" },
    ...(several ? [{ title: "Owner" }] : []),
    number("Lag"),
    barColumn(),
    number("Behind"),
    number("Committed"),
  ];
  const rowOf = ({ topic, partition, owner, lag_events: events, lag_seconds: seconds, committed, ...more }) => {
    const held = more.unstable_seconds;
    const silent = !owner.answers && h("span.badge", { "data-level": "bad" }, "no answer");
    const cells = [
      [
        topics.length === 1 ? partition : `${topic} ${partition}`,
        held >= 60 && h("p.note", {}, plural(more.unstable_offsets, "offset"), " held back for ", duration(held)),
      ],
      ...(several ? [[owner.name, " ", silent]] : []),
      count(events),
      meter(events ?? 0, most),
      duration(seconds),
      count(committed),
    ];
    return row(columns, cells, { class: silent && "silent" });
  };
  put($("partitions-note"), topics.length === 1 ? topics[0] : plural(topics.length, "topic"));
  put(
    $("partitions"),
    partitions.length > 0
      ? table("Lag and owner by partition", columns, partitions.map(rowOf))
      : empty("None at the moment."),
  );
};

const STAGES = [{ title: "Stage" }, number("Time"), number("Share")];
const ABOUT = {
  poll: "taking events from the client",
  decode: "Avro to columns",
  infer: "the model",
  encode: "columns to Avro",
  commit: "the transaction",
};

export const showStages = ({ stages }) => {
  const parts = unique([...Object.keys(ABOUT), ...Object.keys(stages)])
    .filter((name) => name in stages)
    .map((name) => [name, stages[name]]);
  const whole = sum(Object.values(stages));
  if (whole === 0) return put($("stages"), empty("Nothing was done in the last minute."));
  const said = parts.map(([name, seconds]) => `${name} ${share(seconds / whole)}`).join(", ");
  const rows = parts.map(([name, seconds], index) => {
    const title = [h(`span.key.stage-${index}`), name, " ", h("span.sub", {}, ABOUT[name] ?? "")];
    return row(STAGES, [title, duration(seconds), share(seconds / whole)]);
  });
  return put(
    $("stages"),
    stacked(parts, whole, `Time by stage: ${said}.`),
    table("Time by stage in the last minute", STAGES, rows),
  );
};

const upTo = (rows) => (rows < 1000 ? String(rows) : `${Math.floor(rows / 1000)}k`);

export const showBatches = ({ batches }) => {
  if (batches === null) return put($("batches"), empty("No batch yet."));
  const { edges, counts } = batches;
  const labels = [...edges.map((rows, index) => (index === 0 ? "" : "≤") + upTo(rows)), `>${upTo(edges.at(-1))}`];
  const said = counts.flatMap((value, index) => (value > 0 ? [`${count(value)} of ${labels[index]} events`] : []));
  return bars($("batches"), labels, counts, `Batches by size: ${said.join(", ")}.`);
};

export const showScores = ({ scores }) => {
  const place = $("scores");
  if (scores.length === 0) return put(place, empty("No score yet."));
  const columns = scores.length > 1 && place.clientWidth > 560 ? 2 : 1;
  const width = Math.max((place.clientWidth - 24 * (columns - 1)) / columns, 160);
  place.dataset.columns = columns;
  return put(
    place,
    scores.map((score) => {
      const { svg, moved } = histogram(score, width, scores.length > 1 ? 160 : 250);
      const said = [
        moved !== null && `${share(moved)} lie elsewhere now`,
        `${compact(score.recent_events)} recent, ${compact(score.start_events)} at the start`,
        score.not_finite > 0 && `${count(score.not_finite)} not finite`,
      ];
      return h("div", {}, h("h3", {}, score.output), h("p.note", {}, said.filter(Boolean).join("; ")), svg);
    }),
  );
};

export const showFeatures = ({ features }) => {
  const columns = [{ title: "Feature" }, barColumn(), number("Null")];
  const rows = features.map(({ field, events, missing }) =>
    row(columns, [h("code", {}, field), meter(missing, events), share(events > 0 ? missing / events : null)]),
  );
  put(
    $("features"),
    rows.length > 0
      ? table("Share of events in which a feature is null", columns, rows)
      : empty("No feature of this model can be null."),
  );
};
