// What the panels are drawn with: lines, words, marks and ticks as pieces of SVG, and numbers as people read them.
// Stands before explorer.js in the page.
"use strict";

const DATA = JSON.parse(document.getElementById("data").textContent);
const $ = (id) => document.getElementById(id);
const escaped = (text) => String(text).replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
const look = (method) => DATA.methods[method];
const colour = (method) => `var(${look(method).colour})`;
const short = (value) => (value >= 99.95 ? "100" : String(Number(value.toPrecision(3)))); // a share in percent
const whole = (value) => Math.round(value).toLocaleString("en");
const last = (list) => list[list.length - 1];
const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));

function unpacked(owner, name, Kind) { // numbers that stand in the page as base64, read when they are first needed
  if (typeof owner[name] === "string") owner[name] = new Kind(bytes(owner[name]).buffer);
  return owner[name];
}

const line = (x1, y1, x2, y2, more = "") =>
  `<line x1="${x1.toFixed(1)}" y1="${y1.toFixed(1)}" x2="${x2.toFixed(1)}" y2="${y2.toFixed(1)}" stroke="var(--faint)" ${more}/>`;
const text = (x, y, words, anchor = "middle", more = "") =>
  `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}" ${more}>${escaped(words)}</text>`;
const path = (points, more) => `<path d="M${points.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`).join("L")}" ${more}/>`;

function corners(count, turn, inner = 1) { // of a regular shape, or of a star
  return Array.from({ length: count }, (_, i) => {
    const [angle, far] = [turn + (i * 2 * Math.PI) / count, i % 2 ? inner : 1];
    return [far * Math.cos(angle), far * Math.sin(angle)];
  });
}

const UP = -Math.PI / 2;
const SHAPES = { // as the letters of the library's figures name them; any other is a disc
  s: corners(4, UP / 2), D: corners(4, UP), d: corners(4, UP).map(([x, y]) => [0.65 * x, y]),
  "^": corners(3, UP), v: corners(3, -UP), "<": corners(3, Math.PI), ">": corners(3, 0),
  p: corners(5, UP), H: corners(6, 0), h: corners(6, UP), "*": corners(10, UP, 0.45),
  P: [[-1, -3], [1, -3], [1, -1], [3, -1], [3, 1], [1, 1], [1, 3], [-1, 3], [-1, 1], [-3, 1], [-3, -1], [-1, -1]].map(
    ([x, y]) => [x / 3, y / 3]),
};
SHAPES.X = SHAPES.P.map(([x, y]) => [(x - y) * Math.SQRT1_2, (x + y) * Math.SQRT1_2]);

function mark(x, y, method, size, more = "") {
  const [shape, fill] = [SHAPES[look(method).marker], `fill="${colour(method)}" ${more}`];
  if (!shape) return `<circle cx="${x.toFixed(1)}" cy="${y.toFixed(1)}" r="${0.85 * size}" ${fill}/>`;
  const points = shape.map(([a, b]) => `${(x + size * a).toFixed(1)},${(y + size * b).toFixed(1)}`).join(" ");
  return `<polygon points="${points}" ${fill}/>`;
}

const stroke = (method, width) =>
  `fill="none" stroke="${colour(method)}" stroke-width="${width}" stroke-dasharray="${look(method).dashes}"`;

function niceTicks(low, high, most) { // round numbers from low to high
  const rough = (high - low) / most, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough);
  const ticks = [];
  for (let tick = Math.ceil(low / step) * step; tick <= high + 1e-9 * step; tick += step) ticks.push(Number(tick.toPrecision(8)));
  return ticks;
}

// An SVG element as wide as its place, with a part that stays, a part that follows the round, and one above both.
function panel(id, height) {
  const svg = $(id);
  if (!svg.firstChild) svg.innerHTML = "<g></g><g></g><g></g>";
  const width = Math.max(svg.parentElement.clientWidth - 30, 240);
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.style.height = `${height}px`;
  const [still, moving, above] = svg.children;
  return { width, height, still, moving, above, say: (words) => svg.setAttribute("aria-label", words) };
}
