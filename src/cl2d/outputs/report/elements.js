// Elements of the page, and numbers and names as it writes them. Text goes in as text, never as markup.

const SVG_SPACE = "http://www.w3.org/2000/svg";
const UNKNOWN = "–";

const byId = (id) => document.getElementById(id);

function addTo(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "style")
      for (const [key, to] of Object.entries(value)) node.style.setProperty(key, to);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return node;
}

const element = (name, attributes = {}, ...children) =>
  addTo(document.createElement(name), attributes, children);

const drawn = (name, attributes = {}, ...children) =>
  addTo(document.createElementNS(SVG_SPACE, name), attributes, children);

// Adds what there is to a part of the page.
const fill = (node, ...children) => addTo(node, {}, children);

const isNumber = (value) => typeof value === "number" && Number.isFinite(value);

const count = (value) => (isNumber(value) ? value.toLocaleString("en-US") : UNKNOWN);

const fixed = (value, digits, unit = "") =>
  isNumber(value) ? value.toFixed(digits) + (unit && `\u00a0${unit}`) : UNKNOWN;

const percent = (share, digits = 1) => fixed(isNumber(share) ? 100 * share : null, digits, "%");

const several = (n, one, many) => `${count(n)} ${n === 1 ? one : many}`;

// A length as it is written under a class: three figures say enough.
const length = (value, unit) => fixed(value, isNumber(value) && value >= 99.95 ? 0 : 1, unit);

// A short form of ascending numbers, such as 1-4,7, which cl2d reads.
function ranges(numbers) {
  const parts = [];
  for (const number of numbers) {
    const last = parts[parts.length - 1];
    if (last && last[1] === number - 1) last[1] = number;
    else parts.push([number, number]);
  }
  return parts.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(",");
}

// The numbers of such a form; those that are none, or none of the run, are left out.
function numbersIn(text, most) {
  const found = new Set();
  for (const part of text.split(",")) {
    const match = /^(\d+)(?:-(\d+))?$/.exec(part.trim());
    if (!match) continue;
    const to = Math.min(Number(match[2] || match[1]), most);
    for (let number = Math.max(Number(match[1]), 1); number <= to; number += 1) found.add(number);
  }
  return [...found];
}

// A word as a POSIX shell takes it, whatever is in it.
const shellQuoted = (word) =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'"'"'`)}'`;

function table(caption, head, rows) {
  const cell = (name, value) =>
    element(name, { class: isNumber(value) ? "number" : null }, `${value}`);
  return element(
    "div",
    { class: "table" },
    element(
      "table",
      {},
      element("caption", {}, caption),
      head &&
        element(
          "thead",
          {},
          element(
            "tr",
            {},
            head.map((name) => element("th", { scope: "col" }, name)),
          ),
        ),
      element(
        "tbody",
        {},
        rows.map((row) =>
          element(
            "tr",
            {},
            row.map((value) =>
              value instanceof Node ? element("td", {}, value) : cell("td", value),
            ),
          ),
        ),
      ),
    ),
  );
}

function scaleBarAngstrom(longest) {
  const power = 10 ** Math.floor(Math.log10(longest) + 1e-9);
  return Math.max(...[1, 2, 5].map((step) => step * power).filter((bar) => bar <= longest));
}
