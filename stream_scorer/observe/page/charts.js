// Charts as inline SVG, drawn as wide as they are, each with a text that says the same.

import { put, s } from "./dom.js";
import { compact, duration, share } from "./format.js";

const HEIGHT = 168;
const LEFT = 46;
const RIGHT = 8;
const TOP = 10;
const BOTTOM = 22;
const SPAN_SECONDS = 300;

/** The round number at or above a value that makes a good end of an axis. */
const roundUp = (value) => {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 4, 5, 8, 10].find((step) => step * power >= value * 0.9999) * power;
};

const peak = (values) => values.reduce((most, value) => (value > most ? value : most), 0);

/** A chart of the last minutes in `place`, which can be asked by pointer and by arrow keys.
 *
 * `draw` takes `{series: [{name, values, kind, text}], interval, axis, summary}`, values oldest first and
 * up to now; `onLook` gets the seconds ago and the index that is looked at, or null.
 */
export const timeChart = (place, onLook) => {
  let data = null;
  let looked = null; // intervals before the newest

  const width = () => Math.max(place.clientWidth, 200);
  const step = () => ((width() - LEFT - RIGHT) * data.interval) / SPAN_SECONDS;
  const xOf = (ago) => width() - RIGHT - ago * step();

  const draw = (next = data) => {
    data = next;
    if (data === null) return;
    const length = data.series[0].values.length;
    if (looked !== null && looked >= length) looked = length > 0 ? length - 1 : null;
    const most = roundUp(peak(data.series.flatMap(({ kind, values }) => (kind === "ticks" ? [] : values))) || data.least);
    const yOf = (value) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - value / most);
    put(
      place,
      s(
        "svg",
        { role: "img", "aria-label": data.summary, viewBox: `0 0 ${width()} ${HEIGHT}`, height: HEIGHT },
        horizontals(width(), most, yOf, data.axis),
        verticals(width()),
        data.series.map((each) => drawn(each, xOf, yOf)),
        looked !== null && crosshair(data.series, looked, xOf, yOf),
      ),
    );
    onLook(looked === null ? null : { ago: looked * data.interval, index: length - 1 - looked });
  };

  const look = (ago) => {
    const length = data?.series[0].values.length ?? 0;
    looked = ago === null || length === 0 ? null : Math.min(Math.max(ago, 0), length - 1);
    draw();
  };

  place.addEventListener("pointermove", (event) => {
    if (data === null) return;
    const x = event.clientX - place.getBoundingClientRect().left;
    look(Math.round((width() - RIGHT - x) / step()));
  });
  place.addEventListener("pointerleave", () => look(null));
  place.addEventListener("blur", () => look(null));
  place.addEventListener("keydown", (event) => {
    const moves = { ArrowLeft: 1, ArrowRight: -1, PageUp: 15, PageDown: -15 };
    if (event.key in moves) look((looked ?? -1) + moves[event.key]);
    else if (event.key === "Escape") look(null);
    else return;
    event.preventDefault();
  });
  new ResizeObserver(() => draw()).observe(place);
  return draw;
};

const horizontals = (width, most, yOf, axis) =>
  [0, most / 2, most].map((value) =>
    s(
      "g",
      {},
      s("line.grid", { x1: LEFT, x2: width - RIGHT, y1: yOf(value), y2: yOf(value) }),
      s("text.tick.end", { x: LEFT - 8, y: yOf(value) + 3.5 }, axis(value)),
    ),
  );

const verticals = (width) =>
  [5, 4, 3, 2, 1, 0].map((minutes) =>
    s(
      "text.tick",
      {
        class: `tick ${minutes === 0 ? "end" : minutes === 5 ? "" : "middle"}`,
        x: width - RIGHT - ((width - LEFT - RIGHT) * minutes) / 5,
        y: HEIGHT - 6,
      },
      minutes === 0 ? "now" : `−${minutes} min`,
    ),
  );

const fixed = (value) => Math.round(value * 10) / 10;

const drawn = ({ values, kind }, xOf, yOf) => {
  const x = (index) => fixed(xOf(values.length - 1 - index));
  const runs = [];
  values.forEach((value, index) => {
    if (value === null) return;
    if (index === 0 || values[index - 1] === null) runs.push([]);
    runs.at(-1).push(index);
  });
  const line = (run) => run.map((index) => `${x(index)} ${fixed(yOf(values[index]))}`).join("L");
  if (kind === "ticks") {
    const marked = values.flatMap((value, index) => (value > 0 ? [index] : []));
    const path = marked.map((index) => `M${x(index)} ${yOf(0)}V${fixed(yOf(0) - 6)}`).join("");
    return s("path.ticks", { d: path });
  }
  const area = runs.map((run) => `M${x(run[0])} ${yOf(0)}L${line(run)}L${x(run.at(-1))} ${yOf(0)}Z`);
  return s(
    "g",
    { class: kind },
    kind.includes("area") && s("path.fill", { d: area.join("") }),
    s("path.line", { d: runs.map((run) => `M${line(run)}h.01`).join("") }),
  );
};

const crosshair = (series, ago, xOf, yOf) => {
  const x = fixed(xOf(ago));
  return s(
    "g.cross",
    {},
    s("line", { x1: x, x2: x, y1: TOP, y2: HEIGHT - BOTTOM }),
    series
      .filter(({ kind }) => kind !== "ticks")
      .map(({ values, kind }) => [values.at(-1 - ago), kind])
      .filter(([value]) => value !== null && value !== undefined)
      .map(([value, kind]) => s("circle", { class: kind, cx: x, cy: fixed(yOf(value)), r: 3 })),
  );
};

/** A small line without axes, for a row of a table; the row has the number. */
export const spark = (values) => {
  const most = peak(values) || 1;
  const points = values.map((value, index) => `${fixed((index * 120) / 149)} ${fixed(19 - (17 * (value ?? 0)) / most)}`);
  const start = 150 - values.length;
  return s(
    "svg.spark",
    { viewBox: "0 0 120 20", preserveAspectRatio: "none", "aria-hidden": "true", focusable: "false" },
    points.length > 1 &&
      s("path.line", { d: `M${points.join("L")}`, transform: `translate(${fixed((start * 120) / 149)} 0)` }),
  );
};

/** A bar behind a number of a table: its share of the largest. */
export const meter = (value, most, kind = "") =>
  s(
    "svg",
    { class: `meter ${kind}`, width: "100%", height: 6, "aria-hidden": "true", focusable: "false" },
    s("rect.track", { width: "100%", height: 6, rx: 3 }),
    value > 0 && s("rect.part", { width: `${fixed((100 * value) / (most || 1))}%`, height: 6, rx: 3 }),
  );

/** One bar of the parts of a whole, `[name, value]` each. */
export const stacked = (parts, label) => {
  const whole = parts.reduce((total, [, value]) => total + value, 0) || 1;
  let from = 0;
  return s(
    "svg.stacked",
    { role: "img", "aria-label": label, width: "100%", height: 20 },
    parts.map(([name, value], index) => {
      const x = from;
      from += (100 * value) / whole;
      return s("rect", { class: `stage-${index}`, x: `${x}%`, width: `${(100 * value) / whole}%`, height: 20 }, s("title", {}, name));
    }),
  );
};

/** Bars with a label below each. */
export const bars = (place, labels, values, summary) => {
  const width = Math.max(place.clientWidth, 200);
  const height = 104;
  const each = width / values.length;
  const most = peak(values) || 1;
  put(
    place,
    s(
      "svg",
      { role: "img", "aria-label": summary, viewBox: `0 0 ${width} ${height}`, height },
      values.map((value, index) => {
        const tall = (value / most) * (height - 40);
        return s(
          "g",
          {},
          s("rect.bar", { x: index * each + 2, width: Math.max(each - 4, 1), y: height - 20 - Math.max(tall, value > 0 ? 1.5 : 0), height: Math.max(tall, value > 0 ? 1.5 : 0), rx: 2 }),
          value > 0 && s("text.tick.middle", { x: (index + 0.5) * each, y: height - 26 - tall }, compact(value)),
          s("text.tick.middle", { x: (index + 0.5) * each, y: height - 5 }, labels[index]),
        );
      }),
      s("line.base", { x1: 0, x2: width, y1: height - 19.5, y2: height - 19.5 }),
    ),
  );
};

/** A score now (filled) over the same at the start (a line), both as shares of their events. */
export const histogram = ({ output, edges, start, recent }, width) => {
  const height = 132;
  const shares = (counts) => {
    const whole = counts.reduce((total, value) => total + value, 0);
    return counts.map((value) => (whole > 0 ? value / whole : 0));
  };
  const [before, now] = [shares(start), shares(recent)];
  const each = width / now.length;
  const most = peak([...before, ...now]) || 1;
  const y = (value) => fixed(8 + (height - 30) * (1 - value / most));
  const base = y(0);
  const outline = before.map((value, index) => `${fixed(index * each)} ${y(value)}H${fixed((index + 1) * each)}`);
  const moved = before.reduce((total, value, index) => total + Math.abs(value - now[index]), 0) / 2;
  const compared = start.some(Boolean) && recent.some(Boolean);
  const top = now.indexOf(peak(now));
  const between = `${top === 0 ? "below" : compact(edges[top - 1])} ${top === 0 ? compact(edges[0]) : top < edges.length ? `to ${compact(edges[top])}` : "and above"}`;
  const summary = `${output}: most recent scores are ${between} (${share(now[top])}). ${compared ? `${share(moved)} of them lie elsewhere than at the start.` : ""}`;
  const marks = [0, Math.floor((edges.length - 1) / 2), edges.length - 1];
  return {
    moved: compared ? moved : null,
    svg: s(
      "svg",
      { role: "img", "aria-label": summary, viewBox: `0 0 ${width} ${height}`, height },
      now.map((value, index) => s("rect.bar", { x: fixed(index * each + 0.5), width: fixed(Math.max(each - 1, 0.5)), y: y(value), height: fixed(base - y(value)) })),
      s("path.start", { d: `M0 ${base}L${outline.join("L")}V${base}` }),
      s("line.base", { x1: 0, x2: width, y1: base + 0.5, y2: base + 0.5 }),
      [...new Set(marks)].map((index) => s("text.tick.middle", { x: fixed((index + 1) * each), y: height - 6 }, compact(edges[index]))),
    ),
  };
};

/** What a chart of the last minutes shows, in a sentence. */
export const spoken = (name, values, format, interval) => {
  const known = values.filter((value) => value !== null);
  if (known.length === 0) return `${name}: nothing in the last minutes.`;
  const minutes = duration(values.length * interval);
  return `${name} over the last ${minutes}: now ${format(values.at(-1))}, between ${format(Math.min(...known))} and ${format(Math.max(...known))}.`;
};

