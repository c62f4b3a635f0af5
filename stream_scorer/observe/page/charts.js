// Charts as inline SVG, drawn as wide as they are, each with a text that says the same.

import { put, s } from "./dom.js";
import { compact, duration, share } from "./format.js";

const HEIGHT = 168;
const [TOP, RIGHT, BOTTOM, LEFT] = [10, 8, 22, 52];
/** How many intervals fit on a chart: the last minutes, fewer where there are no more yet. */
const SPANS = [30, 60, 150];

/** A round number that makes a good end of an axis for values up to this one. */
const roundUp = (value) => {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 1.2, 1.6, 2, 2.4, 3, 4, 5, 6, 8, 10].find((step) => step * power >= value * 0.9999) * power;
};

const peak = (values) => Math.max(0, ...values);
const spanOf = ({ length }) => SPANS.find((span) => span >= length) ?? length;
const fixed = (value) => Math.round(value * 10) / 10;
const picture = (summary, width, height, ...parts) =>
  s("svg", { role: "img", "aria-label": summary, viewBox: `0 0 ${width} ${height}`, height }, parts);

/** A chart of the last minutes in `place`, which can be asked by pointer and by arrow keys.
 *
 * `draw` takes `{series: [{values, kind}], interval, least, axis, summary}`, values oldest first and up to
 * now; `onLook` gets the seconds ago and the index that is looked at, or null.
 */
export const timeChart = (place, onLook) => {
  let data = null;
  let looked = null; // intervals before the newest

  const width = () => Math.max(place.clientWidth, 200);
  const span = () => spanOf(data.series[0].values);
  const step = () => (width() - LEFT - RIGHT) / span();

  const draw = (next = data) => {
    data = next;
    if (data === null) return;
    const { series, interval, least, axis, summary } = data;
    const length = series[0].values.length;
    if (looked !== null) looked = length > 0 ? Math.min(looked, length - 1) : null;
    const lines = series.filter(({ kind }) => kind !== "ticks").map(({ values }) => values);
    const all = peak(lines.flat());
    const newest = peak(lines.flatMap((values) => values.filter((value) => value !== null).slice(-15)));
    const most = roundUp(Math.min(all, 4 * newest || all) || least); // older peaks are cut
    const xOf = (ago) => fixed(width() - RIGHT - ago * step());
    const yOf = (value) => fixed(TOP + (HEIGHT - TOP - BOTTOM) * (1 - Math.min(value / most, 1)));
    put(
      place,
      picture(
        summary,
        width(),
        HEIGHT,
        horizontals(width(), most, yOf, axis),
        verticals(width(), span() * interval),
        series.map((each) => drawn(each, xOf, yOf)),
        all > most && s("text.tick.cut", { x: LEFT + 6, y: TOP + 12 }, `cut off: up to ${axis(all)}`),
        looked !== null && crosshair(series, looked, xOf, yOf),
      ),
    );
    onLook(looked === null ? null : { ago: looked * interval, index: length - 1 - looked });
  };

  const look = (ago) => {
    looked = ago === null ? null : Math.max(ago, 0);
    draw();
  };

  place.addEventListener("pointermove", ({ clientX }) => {
    if (data) look(Math.round((place.getBoundingClientRect().left + width() - RIGHT - clientX) / step()));
  });
  place.addEventListener("pointerleave", () => look(null));
  place.addEventListener("blur", () => look(null));
  place.addEventListener("keydown", (event) => {
    const moves = { ArrowLeft: 1, ArrowRight: -1 };
    if (event.key in moves) look((looked ?? -1) + moves[event.key]);
    else if (event.key === "Escape") look(null);
    else return;
    event.preventDefault();
  });
  new ResizeObserver(() => draw()).observe(place);
  return draw;
};

const horizontals = (width, most, yOf, axis) =>
  [0, most / 2, most].map((value) => [
    s("line.grid", { x1: LEFT, x2: width - RIGHT, y1: yOf(value), y2: yOf(value) }),
    s("text.tick.end", { x: LEFT - 8, y: yOf(value) + 3.5 }, axis(value)),
  ]);

const verticals = (width, seconds) => {
  const parts = seconds > 240 ? 5 : 4;
  const shown = [...Array(parts + 1).keys()].filter((part) => width > 420 || part % 2 === 0);
  return shown.map((part) => {
    const ago = (seconds * part) / parts;
    const place = { x: width - RIGHT - ((width - LEFT - RIGHT) * part) / parts, y: HEIGHT - 6 };
    if (part === 0) return s("text.tick.end", place, "now");
    return s(part === parts ? "text.tick" : "text.tick.middle", place, `−${duration(ago)}`);
  });
};

const drawn = ({ values, kind }, xOf, yOf) => {
  const x = (index) => xOf(values.length - 1 - index);
  if (kind === "ticks") {
    const marks = values.map((value, index) => (value > 0 ? `M${x(index)} ${yOf(0)}v-6` : ""));
    return s("path.ticks", { d: marks.join("") });
  }
  const runs = []; // what is not known leaves a gap
  values.forEach((value, index) => {
    if (value === null) return;
    if (index === 0 || values[index - 1] === null) runs.push([]);
    runs.at(-1).push(index);
  });
  const line = (run) => run.map((index) => `${x(index)} ${yOf(values[index])}`).join("L");
  const area = runs.map((run) => `M${x(run[0])} ${yOf(0)}L${line(run)}V${yOf(0)}Z`);
  return s(
    "g",
    { class: kind },
    kind.includes("area") && s("path.fill", { d: area.join("") }),
    s("path.line", { d: runs.map((run) => `M${line(run)}h.01`).join("") }),
  );
};

const crosshair = (series, ago, xOf, yOf) =>
  s(
    "g.cross",
    {},
    s("line", { x1: xOf(ago), x2: xOf(ago), y1: TOP, y2: HEIGHT - BOTTOM }),
    series
      .filter(({ values, kind }) => kind !== "ticks" && typeof values.at(-1 - ago) === "number")
      .map(({ values, kind }) => s("circle", { class: kind, cx: xOf(ago), cy: yOf(values.at(-1 - ago)), r: 3 })),
  );

/** What a chart of the last minutes shows, in a sentence. */
export const spoken = (name, values, format, interval) => {
  const known = values.filter((value) => value !== null);
  if (known.length === 0) return `${name}: nothing yet.`;
  const range = `between ${format(Math.min(...known))} and ${format(Math.max(...known))}`;
  return `${name}: ${format(values.at(-1))} now, ${range} in the last ${duration(values.length * interval)}.`;
};

/** A small line without axes, for a row of a table that has the number, too. */
export const spark = (values) => {
  const most = peak(values) || 1;
  const span = spanOf(values);
  const points = values.map((value, index) => `${span - values.length + index} ${fixed(19 - (17 * value) / most)}`);
  return s(
    "svg.spark",
    { viewBox: `0 0 ${span} 20`, preserveAspectRatio: "none", "aria-hidden": "true" },
    points.length > 0 && s("path.line", { d: `M${points.join("L")}` }),
  );
};

/** A bar beside a number of a table: its part of the largest. */
export const meter = (value, most, kind = "") =>
  s(
    "svg",
    { class: `meter ${kind}`, width: "100%", height: 6, "aria-hidden": "true" },
    s("rect.track", { width: "100%", height: 6, rx: 3 }),
    value > 0 && s("rect.part", { width: `${fixed((100 * value) / most)}%`, height: 6, rx: 3 }),
  );

/** One bar of the parts of a whole, `[name, value]` each. */
export const stacked = (parts, whole, summary) => {
  let from = 0;
  return s(
    "svg.stacked",
    { role: "img", "aria-label": summary, width: "100%", height: 20 },
    parts.map(([, value], index) => {
      const place = { x: `${from}%`, width: `${(100 * value) / whole}%`, height: 20 };
      from += (100 * value) / whole;
      return s(`rect.stage-${index}`, place);
    }),
  );
};

/** Bars with a label below each. */
export const bars = (place, labels, values, summary) => {
  const [width, height] = [Math.max(place.clientWidth, 200), 104];
  const [each, base, most] = [width / values.length, height - 20, peak(values) || 1];
  const bar = (value, index) => {
    const tall = value > 0 ? Math.max((value / most) * (base - 20), 1.5) : 0;
    const middle = (index + 0.5) * each;
    return [
      s("rect.bar", { x: index * each + 2, width: each - 4, y: base - tall, height: tall, rx: 2 }),
      value > 0 && s("text.tick.middle", { x: middle, y: base - 6 - tall }, compact(value)),
      s("text.tick.middle", { x: middle, y: height - 5 }, labels[index]),
    ];
  };
  put(place, picture(summary, width, height, values.map(bar), line(width, base)));
};

const line = (width, y) => s("line.base", { x1: 0, x2: width, y1: y + 0.5, y2: y + 0.5 });

const shares = (counts) => {
  const whole = counts.reduce((total, value) => total + value, 0);
  return counts.map((value) => (whole > 0 ? value / whole : 0));
};

/** A score now (bars) and at the start (a line), and which share of it moved to other bars.
 *
 * Heights are square roots, so that rare scores can be seen; empty bars at the ends are left out.
 */
export const histogram = ({ output, edges, start, recent }, width, height) => {
  const used = (bin) => start[bin] + recent[bin] > 0;
  const bins = start.map((_, bin) => bin);
  const first = Math.max(bins.findIndex(used), 0);
  const end = Math.max(bins.findLastIndex(used), first) + 1;
  const [before, now] = [shares(start).slice(first, end), shares(recent).slice(first, end)];
  const moved = start.some(Boolean) ? before.reduce((sum, part, bin) => sum + Math.abs(part - now[bin]), 0) / 2 : null;
  const [each, most] = [(width - 28) / now.length, peak([...before, ...now]) || 1];
  const x = (bin) => fixed(14 + bin * each);
  const y = (part) => fixed(8 + (height - 30) * (1 - Math.sqrt(part / most)));
  const bar = (part, bin) => s("rect.bar", { x: x(bin), width: fixed(each - 1), y: y(part), height: fixed(y(0) - y(part)) });
  const outline = before.map((part, bin) => `V${y(part)}H${x(bin + 1)}`).join("");
  const gap = Math.ceil(now.length / 10);
  const marks = bins.filter((bin) => bin < edges.length && bin >= first - 1 && bin < end && (bin - first + 1) % gap === 0);
  const mark = (edge) => s("text.tick.middle", { x: x(edge + 1 - first), y: height - 6 }, compact(edges[edge]));
  const top = first + now.indexOf(peak(now));
  const where = top === 0 ? `up to ${compact(edges[0])}` : `above ${compact(edges[top - 1])}`;
  const summary = `${output}: most recent scores (${share(peak(now))}) are ${where}; ${share(moved)} lie elsewhere than at the start.`;
  const parts = [now.map(bar), s("path.start", { d: `M14 ${y(0)}${outline}V${y(0)}` }), line(width, y(0)), marks.map(mark)];
  return { moved, svg: picture(summary, width, height, parts) };
};
