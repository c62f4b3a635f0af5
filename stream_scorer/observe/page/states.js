// What state a worker is in, and all of them together, in words.

import { clock, count, duration, plural, sentence } from "./format.js";

/** A round that takes longer is worth a word, though it may be allowed to. */
const SLOW_SECONDS = 5;

const RANK = { good: 0, warn: 1, bad: 2 };

/** Returns `{level, word, title, detail}`; `title` goes on after the worker's name, too. */
export const stateOf = (member) => {
  const { worker } = member.status ?? {};
  if (!member.answers) return silent(member);
  if (worker.healthy === false) {
    const where = `Its loop stands still: ${worker.doing} for ${duration(worker.since_seconds)}.`;
    return bad("stands still", where, worker.unhealthy_because);
  }
  if (worker.waiting_because) {
    return warn("waits", `For ${duration(worker.waiting_seconds)}.`, worker.waiting_because);
  }
  if (worker.ready === false) return warn("is not ready", worker.not_ready_because);
  if (worker.since_seconds > SLOW_SECONDS) {
    return warn("is slow", `It is ${worker.doing} for ${duration(worker.since_seconds)}.`);
  }
  return { level: "good", word: "ready", title: "is ready", detail: "" };
};

const silent = (member) => {
  const seen = member.answeredAt ? `Shown is what it said at ${clock(member.answeredAt)}.` : "";
  return bad("does not answer", member.error ? sentence(member.error) : "", seen);
};

const told = (level) => (title, ...sentences) => ({
  level,
  word: title.replace(/^is /, ""),
  title,
  detail: sentences.filter(Boolean).map(sentence).join(" "),
});
const bad = told("bad");
const warn = told("warn");

/** Returns `{level, title, lines, said}`; `said` changes only when the state does. */
export const stateOfAll = (members) => {
  if (members.length === 0) return { level: "warn", title: "No worker", lines: [], said: "No worker" };
  const states = members.map((member) => ({ member, ...stateOf(member) }));
  const troubled = states.filter(({ level }) => level !== "good");
  const level = states.reduce((worst, each) => (RANK[each.level] > RANK[worst] ? each.level : worst), "good");
  const title = titleOf(states, troubled);
  const lines =
    members.length === 1 || troubled.length === 1
      ? troubled.map(({ detail }) => detail)
      : troubled.map((each) => `${each.member.name} ${each.title}. ${each.detail}`);
  const said = [title, ...(troubled.length > 1 ? troubled.map((each) => `${each.member.name} ${each.title}`) : [])];
  return { level, title, lines: lines.filter(Boolean), said: said.join(". ") };
};

const titleOf = (states, troubled) => {
  if (states.length === 1) return capital(states[0].word);
  if (troubled.length === 0) return `${count(states.length)} workers ready`;
  if (troubled.length === 1) return `${capital(troubled[0].member.name)} ${troubled[0].title}`;
  return `${troubled.length} of ${plural(states.length, "worker", "workers")} need a look`;
};

const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
