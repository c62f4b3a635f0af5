// The lower part: dead letters, and what the workers run with.

import { meter } from "./charts.js";
import { $, barColumn, empty, h, number, pairs, put, row, table } from "./dom.js";
import { unique } from "./fleet.js";
import { clock, count, outline, plain, sentence } from "./format.js";

const SAMPLES = [
  { title: "At", kind: "at" },
  { title: "Reason", kind: "why" },
  { title: "Event", kind: "place" },
  { title: "What was wrong", kind: "message" },
];

export const showLetters = ({ reasons, samples, known }) => {
  const columns = [{ title: "Reason" }, barColumn(), number("Events")];
  const found = Object.entries(reasons)
    .filter(([, events]) => events > 0)
    .sort(([, one], [, other]) => other - one);
  const rows = found.map(([reason, events]) =>
    row(columns, [h("code", {}, reason), meter(events, found[0][1], "letter"), count(events)]),
  );
  const topic = known[0]?.kafka?.dead_letter_topic;
  put($("letters-note"), topic ?? "no topic for them: the first bad event stops the worker");
  put($("reasons"), rows.length > 0 ? table("Dead letters by reason", columns, rows) : empty("None."));
  $("samples").hidden = samples.length === 0;
  const list = samples.map(sampleRow);
  put($("samples"), table("The last dead letters, newest first", SAMPLES, list, { class: "samples" }));
};

const sampleRow = ({ at, topic, partition, offset, reason, stage, message, value }) =>
  row(SAMPLES, [
    clock(at),
    [h("code", {}, reason), " ", h("span.sub", {}, stage)],
    `${topic}[${partition}]@${offset}`,
    [quoted(sentence(message)), " ", typeof value === "string" && h("code.bytes", {}, value)],
  ]);

/** What stands between backticks is code. */
const quoted = (text) =>
  text
    .split("`")
    .map((part, index, { length }) => (index % 2 === 1 && index < length - 1 ? h("code", {}, part) : part));

const codes = (values) => unique(values).map((value, index) => [index > 0 && ", ", h("code", {}, value)]);

export const showModel = ({ known }) => {
  const models = known.map(({ model }) => model ?? {});
  const schemas = known.map((each) => each.schemas ?? {});
  const say = (read) => unique(models.map(read)).join(", ");
  put(
    $("model"),
    pairs([
      ["Name", say(({ name }) => name)],
      ["Version", say(({ version }) => version)],
      ["SHA-256", codes(models.map(({ sha256 }) => sha256))],
      ["Runs on", say(({ providers = [] }) => providers.join(", "))],
      ["Threads", say(({ threads }) => threads)],
      ["Reader schema", codes(schemas.map(({ reader }) => reader))],
      ["Framing", unique(schemas.map(({ framing }) => plain(framing))).join(", ")],
    ]),
  );
};

export const showKafka = ({ known, totals }) => {
  const kafka = known[0]?.kafka ?? {};
  put(
    $("kafka"),
    pairs([
      ["Group", codes([kafka.group])],
      ["Input", codes(kafka.input_topics ?? [])],
      ["Output", codes([kafka.output_topic])],
      ["Dead letters", codes([kafka.dead_letter_topic])],
      ["Delivery", plain(kafka.delivery)],
      ["Rebalances", `${count(totals.assigned)} assigned, ${count(totals.revoked)} revoked, ${count(totals.lost)} lost`],
    ]),
  );
};

export const showConfig = ({ known }, several) => {
  put($("config-note"), several ? "of the first worker, secrets masked" : "secrets masked");
  put($("config"), outline(known[0]?.config ?? {}).trimStart());
};
