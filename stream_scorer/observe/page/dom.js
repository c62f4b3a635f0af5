// Nodes are made here, always of text: what events and messages say is never read as HTML.

const SVG = "http://www.w3.org/2000/svg";

export const $ = (id) => document.getElementById(id);

const filled = (node, attributes, children) => {
  for (const [name, value] of Object.entries(attributes)) {
    if ((value ?? false) !== false) {
      node.setAttribute(name, value === true ? "" : String(value));
    }
  }
  node.append(...nodes(children));
  return node;
};

const nodes = (children) =>
  children
    .flat(Infinity)
    .filter((child) => (child ?? false) !== false)
    .map((child) => (child instanceof Node ? child : document.createTextNode(String(child))));

const split = (tag) => {
  const [name, ...classes] = tag.split(".");
  return [name, classes.length > 0 ? { class: classes.join(" ") } : {}];
};

/** An HTML element, `tag` or `tag.class.class`. */
export const h = (tag, attributes = {}, ...children) => {
  const [name, more] = split(tag);
  return filled(document.createElement(name), { ...more, ...attributes }, children);
};

/** An SVG element, written the same way. */
export const s = (tag, attributes = {}, ...children) => {
  const [name, more] = split(tag);
  return filled(document.createElementNS(SVG, name), { ...more, ...attributes }, children);
};

/** Makes `parent` hold these children, and leaves alone what is the same already.
 *
 * So a selection, the focus and a scroll position survive an update each second.
 */
export const put = (parent, ...children) => {
  const wanted = nodes(children);
  wanted.forEach((node, index) => {
    const old = parent.childNodes[index];
    if (!old) parent.append(node);
    else if (!old.isEqualNode(node)) change(old, node);
  });
  while (parent.childNodes.length > wanted.length) parent.lastChild.remove();
};

const change = (old, node) => {
  if (old.nodeName !== node.nodeName) {
    old.replaceWith(node);
  } else if (old.nodeType === Node.TEXT_NODE) {
    old.data = node.data;
  } else {
    for (const { name } of [...old.attributes]) {
      if (!node.hasAttribute(name)) old.removeAttribute(name);
    }
    for (const { name, value } of node.attributes) {
      if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    }
    put(old, ...node.childNodes);
  }
};

/** A table with a caption for those who hear it; `columns` are `{title, number, kind}`. */
export const table = (caption, columns, rows, attributes = {}) =>
  h(
    "table",
    attributes,
    h("caption.unseen", {}, caption),
    h(
      "thead",
      {},
      h("tr", {}, columns.map((each) => h("th", { scope: "col", class: classOf(each) }, each.title))),
    ),
    h("tbody", {}, rows),
  );

/** A row of such a table: the first cell is its heading. */
export const row = (columns, cells, attributes = {}) =>
  h(
    "tr",
    attributes,
    cells.map((cell, index) =>
      h(index === 0 ? "th" : "td", { scope: index === 0 && "row", class: classOf(columns[index]) }, cell),
    ),
  );

const classOf = ({ number, kind }) => (number ? "number" : kind);

export const number = (title) => ({ title, number: true });

/** A column of bars; its heading is for those who hear it. */
export const barColumn = () => ({ title: h("span.unseen", {}, "As a bar"), kind: "wide" });

export const empty = (text) => h("p.empty", {}, text);

/** Pairs of a list of definitions; a pair without a value is left out. */
export const pairs = (entries) =>
  entries
    .filter(([, value]) => value && value.length > 0)
    .map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value)));
