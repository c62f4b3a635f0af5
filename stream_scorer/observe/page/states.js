// What state a worker is in, and all of them together, in words.

import { capital, clock, duration, plural, sentence } from "./format.js";

/** A round that takes longer is worth a word, though it may be allowed to. */
const SLOW_SECONDS = 5;
const RANK = ["good", "warn", "bad"];

const told = (level) => (title, ...sentences) => ({
  level,
  word: title.replace(/^is /, ""),
  title,
  detail: sentences.filter(Boolean).map(sentence).join(" "),
});
const [good, warn, bad] = RANK.map(told);

/** Returns `{level, word, title, detail}`; the title goes on after the worker's name. */
export const stateOf = ({ status, answers, answeredAt, error }) => {
  if (error === "is starting") return warn(error);
  if (!answers) return bad(error, answeredAt && `Shown is what it said at ${clock(answeredAt)}`);
  const { worker } = status;
  const doing = `${worker.doing} for ${duration(worker.since_seconds)}`;
  if (!worker.healthy) return bad("stands still", worker.unhealthy_because ?? `It has been ${doing}`);
  if (worker.waiting_because) {
    return warn("is waiting", worker.waiting_because, `For ${duration(worker.waiting_seconds)} so far`);
  }
  if (!worker.ready) return warn("is not ready", worker.not_ready_because);
  if (worker.since_seconds > SLOW_SECONDS) return warn("is slow", `It has been ${doing}`);
  return good("is ready");
};

const titleOf = (states, troubled) => {
  if (states.length === 1) return capital(states[0].word);
  if (troubled.length === 0) return `${plural(states.length, "worker")} ready`;
  if (troubled.length === 1) return capital(`${troubled[0].name} ${troubled[0].title}`);
  return `${troubled.length} of ${states.length} workers need a look`;
};

/** Returns `{level, title, lines, said}`; `said` changes only when the state does. */
export const stateOfAll = (members) => {
  const states = members.map((member) => ({ name: member.name, ...stateOf(member) }));
  const troubled = states.filter(({ level }) => level !== "good");
  const title = titleOf(states, troubled);
  const named = troubled.length > 1 ? troubled.map((each) => capital(`${each.name} ${each.title}. `)) : [""];
  return {
    level: RANK[Math.max(...states.map(({ level }) => RANK.indexOf(level)), 0)],
    title,
    lines: troubled.map(({ detail }, index) => named[index] + detail).filter(Boolean),
    said: `${title}. ${named.join("")}`,
  };
};

/** The same where nothing answers at all. */
export const silence = (seconds, why, members) => {
  const seen = Math.max(...members.map(({ answeredAt }) => answeredAt));
  const shown = seen > 0 ? `What is shown is from ${clock(seen)}.` : "";
  const since = seconds === null ? "Nothing has answered yet." : `No answer for ${duration(Math.round(seconds))}.`;
  return { level: "bad", title: "Does not answer", lines: [`${since} ${why} ${shown}`], said: "Does not answer." };
};
