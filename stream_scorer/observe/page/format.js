// Numbers, durations and times as text; what is unknown is a dash.

export const UNKNOWN = "–";

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const oneDigit = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
const short = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 });
const time = new Intl.DateTimeFormat("en", {
  hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23",
});

const known = (format) => (value) =>
  Number.isNaN(value ?? NaN) ? UNKNOWN : format(value);

export const count = known((value) => whole.format(value));
export const compact = known((value) => short.format(value));
export const rate = known((value) => (value < 10 ? oneDigit : whole).format(value));
export const clock = known((seconds) => time.format(new Date(seconds * 1000)));

export const share = known((value) => {
  if (value > 0 && value < 0.001) return "< 0.1 %";
  return `${(value < 0.1 ? oneDigit : whole).format(value * 100)} %`;
});

/** 0.0123 is "12 ms", 83 is "1 min 23 s", 8000 is "2 h 13 min". */
export const duration = known((seconds) => {
  if (seconds < 0) return `−${duration(-seconds)}`;
  if (seconds > 0 && seconds < 0.9995) return `${(seconds < 0.00995 ? oneDigit : whole).format(seconds * 1000)} ms`;
  if (seconds < 9.95) return `${oneDigit.format(seconds)} s`;
  const total = Math.round(seconds);
  if (total < 60) return `${total} s`;
  const [large, name, small, part] = UNITS.find(([each]) => total >= each);
  const rest = Math.floor((total % large) / small);
  return `${Math.floor(total / large)} ${name}${rest > 0 ? ` ${rest} ${part}` : ""}`;
});

const UNITS = [[86400, "d", 3600, "h"], [3600, "h", 60, "min"], [60, "min", 1, "s"]];

/** A value of a setting as words. */
export const plain = (value) => (value ?? "").replaceAll("_", " ");

export const plural = (value, noun) => `${count(value)} ${noun}${value === 1 ? "" : "s"}`;

export const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

/** A sentence from what may be a part of one. */
export const sentence = (text) => capital(text) + (/[.!?]$/.test(text) ? "" : ".");

/** Settings as lines that look like YAML: for reading, not for copying back. */
export const outline = (value, indent = "") => {
  if (value === null || typeof value !== "object") return ` ${value === null ? "null" : value}\n`;
  const entries = Array.isArray(value)
    ? value.map((each) => [`${indent}-`, each])
    : Object.entries(value).map(([name, each]) => [`${indent}${name}:`, each]);
  if (entries.length === 0) return Array.isArray(value) ? " []\n" : " {}\n";
  const lines = entries.map(([start, each]) => start + outline(each, `${indent}  `)).join("");
  return indent === "" ? lines : `\n${lines}`;
};
