// Shows the part of the results that a reader chooses. Nothing is computed here but places on the screen: means,
// ranges, sentences and verdicts were worked out by lthlib, and stand in the element "data".
const STEP = 1100; // milliseconds between the rounds while it plays
const state = { group: DATA.groups[0], level: 0, choice: 0, shown: new Set(DATA.groups[0].methods), trained: true, measure: "accuracy", playing: 0 };

// ------------------------------------------------------------------------------------ what is chosen now

const visible = () => state.group.methods.filter((method) => state.shown.has(method));
const ticket = () => state.group.methods[0];
const density = (level = state.level) => `${short(state.group.weights[level])} %`;
const trialWords = () => (state.choice ? `trial ${state.group.trials[state.choice - 1]}` : `all ${state.group.trials.length} trials`);
const valueOf = (measure, method, level = state.level) => state.group[measure][method].values[state.choice][level];

// ------------------------------------------------------------------------------ a measure against density

const MEASURES = {
  accuracy: { name: "Test accuracy at early stop", unit: "%", words: (value) => `${value.toFixed(1)} %` },
  stop: { name: "Early stop, the iteration of minimum validation loss", unit: "iteration", words: (value) => whole(value) },
};
const against = { left: 52, right: 14, top: 20, bottom: 42 };

function drawAgainst() {
  const group = state.group, rows = group[state.measure], own = against, of = panel("density", 290);
  Object.assign(own, of);
  const sparsest = Math.min(...group.weights), wide = of.width - own.left - own.right - 16;
  own.x = (weights) => own.left + 8 + (wide * Math.log(100 / weights)) / Math.log(100 / Math.min(sparsest, 99));
  const values = visible().flatMap((method) => [...rows[method].low, ...rows[method].high]);
  const known = [...values, ...rows[ticket()].values.map((row) => row[0])].filter((value) => value !== null);
  const [low, high] = known.length ? [Math.min(...known), Math.max(...known)] : [0, 1], room = 0.06 * (high - low) + 0.05;
  const tall = of.height - own.top - own.bottom;
  own.y = (value) => own.top + (tall * (high + room - value)) / (high - low + 2 * room);
  let still = "", before = -100;
  for (const tick of niceTicks(low - room, high + room, 5)) {
    const words = tick >= 1000 ? whole(tick) : String(tick);
    still += line(own.left, own.y(tick), of.width - own.right, own.y(tick)) + text(own.left - 6, own.y(tick) + 4, words, "end");
  }
  for (const weights of group.weights) {
    if (own.x(weights) - before < 46) continue;
    before = own.x(weights);
    still += text(before, of.height - own.bottom + 17, short(weights));
  }
  still += text(of.width / 2, of.height - 6, "weights remaining (%)") + text(2, 11, MEASURES[state.measure].unit, "start");
  for (const method of visible()) {
    const row = rows[method], levels = group.levels.map((_, i) => i);
    const spots = (list) => levels.filter((i) => list[i] !== null).map((i) => [own.x(group.weights[i]), own.y(list[i])]);
    const points = spots(row.values[state.choice]), dense = valueOf(state.measure, ticket(), 0);
    if (row.values[state.choice][0] === null && dense !== null) points.unshift([own.x(100), own.y(dense)]);
    if (!points.length) continue;
    still += path([...spots(row.high), ...spots(row.low).reverse()], `fill="${colour(method)}" fill-opacity=".14"`);
    still += path(points, stroke(method, 1.6)) + points.map(([x, y]) => mark(x, y, method, 4)).join("");
  }
  of.still.innerHTML = still;
  $("density-note").textContent = `${MEASURES[state.measure].name}: ${state.choice ? trialWords() : "mean of the trials"}. `
    + "The band reaches from the lowest trial to the highest.";
}

function moveAgainst() {
  const own = against, x = own.x(state.group.weights[state.level]), words = [];
  let moving = line(x, own.top, x, own.height - own.bottom, 'stroke-width="2"');
  for (const method of state.level ? visible() : [ticket()]) {
    const here = valueOf(state.measure, method);
    if (here === null) continue;
    moving += mark(x, own.y(here), method, 8.5, 'stroke="var(--ink)" stroke-width="1.6"');
    words.push(`${look(method).name} ${MEASURES[state.measure].words(here)}`);
  }
  own.moving.innerHTML = moving;
  own.say(`${MEASURES[state.measure].name} against weights remaining. At ${density()}: ${words.join(", ") || "not measured"}.`);
}

// ---------------------------------------------------------------------------------- learning at a round

const learning = { left: 52, right: 14, top: 20, bottom: 42 };

function drawLearning() {
  const { low, high, iterations } = state.group.curves, own = learning, of = panel("learning", 290);
  Object.assign(own, of);
  const wide = of.width - own.left - own.right, tall = of.height - own.top - own.bottom, room = 0.05 * (high - low) + 0.1;
  own.x = (iteration) => own.left + wide * Math.sqrt(iteration / last(iterations)); // most happens at the start
  own.y = (value) => own.top + (tall * (high + room - value)) / (high - low + 2 * room);
  own.cut = `x="${own.left}" y="${own.top}" width="${wide}" height="${tall}" viewBox="${own.left} ${own.top} ${wide} ${tall}"`;
  let still = "";
  for (const tick of niceTicks(low - room, high + room, 5)) {
    still += line(own.left, own.y(tick), of.width - own.right, own.y(tick)) + text(own.left - 6, own.y(tick) + 4, String(tick), "end");
  }
  const ticks = [1, 2, 5].flatMap((digit) => [0, 1, 2, 3, 4, 5, 6].map((zeros) => digit * 10 ** zeros)).sort((a, b) => b - a);
  let before = 1e9;
  for (const tick of [...ticks.filter((tick) => tick <= last(iterations)), 0]) {
    if (own.x(tick) > before - 54) continue;
    before = own.x(tick);
    still += text(before, of.height - own.bottom + 17, whole(tick), before > of.width - 40 ? "end" : "middle");
  }
  of.still.innerHTML = still + text(of.width / 2, of.height - 6, "iteration (square-root axis)") + text(2, 11, "%", "start");
}

function moveLearning() {
  const { iterations, of, stop } = state.group.curves, own = learning, words = [];
  const lines = [["dense", ticket(), 0], ...(state.level ? visible().map((method) => [method, method, state.level]) : [])];
  let curves = "", marks = "";
  for (const [name, method, level] of lines) {
    const values = of[method][state.choice][level], at = stop[method][state.choice][level];
    if (!values) continue;
    curves += path(values.map((value, i) => [own.x(iterations[i]), own.y(value)]), stroke(name, name === ticket() ? 2.4 : 1.5));
    if (!at) continue;
    const [x, y] = [own.x(at[0]), own.y(at[1])];
    curves += line(x, y, x, own.height - own.bottom, `style="stroke: ${colour(name)}" stroke-dasharray="2 3"`);
    marks += mark(x, y, name, 8, 'stroke="var(--ink)" stroke-width="1.4"');
    words.push(`${look(name).name} ${whole(at[0])}`);
  }
  own.moving.innerHTML = `<svg ${own.cut}>${curves}</svg>` + marks; // steep starts are cut off
  own.say(`Validation accuracy along training at ${density()} of the weights. Early stop at iteration: ${words.join(", ")}.`);
  $("learning-note").textContent = state.choice ? "" : "Curves and early stops are means over the trials.";
}

// ------------------------------------------------------------------------------------ weights by layer

const layers = {};

function drawLayers() {
  const of = state.group.layers, count = of ? of.names.length : 1;
  Object.assign(layers, panel("layers", Math.max(count * 30 + 50, 120)));
  layers.left = of ? Math.min(16 + 7.2 * Math.max(...of.names.map((name) => name.length)), 0.4 * layers.width) : 0;
  layers.x = (share) => layers.left + ((layers.width - layers.left - 14) * share) / 100;
  layers.still.innerHTML = !of ? "" : [0, 25, 50, 75, 100].map((tick) =>
    line(layers.x(tick), 6, layers.x(tick), count * 30 + 10) + text(layers.x(tick), count * 30 + 26, tick)).join("")
    + of.names.map((name, i) => text(layers.left - 8, 27 + 30 * i, name, "end")).join("")
    + text(layers.x(50), count * 30 + 42, "weights remaining in the layer (%)");
}

function moveLayers() {
  const of = state.group.layers, shares = of && of.shares[state.choice][state.level];
  $("layers-note").textContent = shares ? `Of the ticket${state.choice ? "" : ", mean of the trials whose masks are stored"}.`
    + " The upright line is the whole network." : `No mask is stored of ${trialWords()} here.`;
  layers.say(shares ? `Weights left by layer: ${of.names.map((name, i) => `${name} ${short(shares[i])} %`).join(", ")}.`
    : "No mask is stored here.");
  if (!shares) { layers.moving.innerHTML = ""; return; }
  const x = layers.x(state.group.weights[state.level]);
  layers.moving.innerHTML = shares.map((share, i) => {
    const end = layers.x(share), inside = share > 55;
    return `<rect x="${layers.left}" y="${11 + 30 * i}" width="${(end - layers.left).toFixed(1)}" height="23" rx="2" fill="${colour(ticket())}"/>`
      + text(inside ? end - 7 : Math.max(end, x) + 6, 27 + 30 * i, `${short(share)} %`, inside ? "end" : "start",
        inside ? 'style="fill: var(--panel); font-weight: 600"' : 'class="strong"');
  }).join("") + line(x, 4, x, of.names.length * 30 + 10, 'style="stroke: var(--ink)" stroke-width="1.5"');
}

// ----------------------------------------------------------------------------------- the network itself

const WIDTHS = [0.5, 1, 1.7, 2.8]; // of a connection's line, by its weight's magnitude
const net = {};
const sampled = () => { // the trial whose sample is drawn: the chosen one, or the first that is stored
  const stored = state.group.network ? state.group.network.trials : {};
  return state.choice ? state.group.trials[state.choice - 1] : state.group.trials.find((trial) => stored[trial]);
};

function drawNetwork() {
  const of = state.group.network && DATA.shapes[state.group.task];
  Object.assign(net, panel("network", of ? Math.min(Math.max(300, 0.42 * $("network").parentElement.clientWidth), 470) : 10));
  net.still.innerHTML = net.moving.innerHTML = net.above.innerHTML = "";
  if (!of) return;
  const { columns, kinds, picture } = of, top = 50, tall = net.height - top - 14, side = Math.min(tall, 0.27 * net.width);
  const start = picture ? side / 2 + 6 : 34, step = (net.width - start - 34) / (columns.length - 1);
  const x = (column) => start + step * column, middle = top + tall / 2;
  net.columns = columns.map((count, column) => {
    if (column === 0 && picture) {
      const [rows, across] = picture, cell = side / Math.max(rows, across);
      net.cell = cell;
      return (unit) => [x(0) + (unit % across - across / 2 + 0.5) * cell,
        middle + ((Math.floor(unit / across) % rows) - rows / 2 + 0.5) * cell];
    }
    return (unit) => [x(column), top + (tall * (unit + 0.5)) / count];
  });
  net.radius = columns.map((count) => Math.min(6, (0.36 * tall) / count));
  const small = step < 64 ? 'style="font-size: 10.5px"' : "";
  net.still.innerHTML = columns.map((count, column) =>
    text(x(column), 16, whole(count), "middle", 'class="strong"') + text(x(column), 32, kinds[column], "middle", small)).join("");
  const units = columns.map((count, column) => (column === 0 ? "" : Array.from({ length: count }, (_, unit) => {
    const [a, b] = net.columns[column](unit);
    return `<circle cx="${a.toFixed(1)}" cy="${b.toFixed(1)}" r="${net.radius[column].toFixed(1)}"/>`;
  }).join(""))).join("");
  net.above.innerHTML = `<g fill="var(--panel)" stroke="var(--ink)" stroke-width="1">${units}</g>`;
  const lines = unpacked(of, "lines", Uint16Array);
  net.ends = []; // of each weight in the sample, as a piece of an SVG path
  for (let i = 0; i < lines.length; i += 3) {
    const [a, b] = net.columns[lines[i]](lines[i + 1]), [c, d] = net.columns[lines[i] + 1](lines[i + 2]);
    net.ends.push(`M${a.toFixed(1)} ${b.toFixed(1)}L${c.toFixed(1)} ${d.toFixed(1)}`);
  }
}

function moveNetwork() {
  const group = state.group, of = group.network && DATA.shapes[group.task], trial = sampled();
  const stored = of && group.network.trials[trial];
  const sample = stored && state.level < stored.after.length ? stored : null; // later levels may not be stored
  $("when").hidden = !sample;
  if (!sample) {
    net.moving.innerHTML = "";
    const words = stored ? "No mask is stored of this round."
      : of ? `No mask of ${trialWords()} is stored here; choose trial ${Object.keys(group.network.trials).join(" or ")}.`
      : "No network is drawn: no masks are stored, or its layers do not follow one another.";
    $("network-note").textContent = words;
    net.say(words);
    return;
  }
  const order = unpacked(sample, "order", Uint16Array), before = unpacked(sample, "before", Int8Array);
  const kept = unpacked(sample.after, state.level, Int8Array), values = state.trained ? kept : before;
  const widths = { positive: WIDTHS.map(() => []), negative: WIDTHS.map(() => []) };
  let left = 0;
  for (let i = 0; i < kept.length; i++) {
    if (!kept[i]) continue; // pruned
    const bin = Math.min(WIDTHS.length - 1, (Math.abs(values[i]) * WIDTHS.length) >> 7);
    widths[values[i] < 0 ? "negative" : "positive"][bin].push(net.ends[order[i]]);
    left++;
  }
  const going = [];
  if (state.level) {
    const earlier = unpacked(sample.after, state.level - 1, Int8Array);
    for (let i = 0; i < earlier.length; i++) if (earlier[i] && !kept[i]) going.push(net.ends[order[i]]);
  }
  const faint = left > 600 ? 0.5 : left > 200 ? 0.7 : 0.95;
  let moving = `<path class="going" d="${going.join("")}" fill="none" stroke="var(--quiet)" stroke-width=".8"/>`;
  for (const sign of ["positive", "negative"]) {
    moving += WIDTHS.map((width, bin) => `<path d="${widths[sign][bin].join("")}" fill="none" stroke="var(--${sign})" `
      + `stroke-width="${width}" stroke-opacity="${faint}" ${sign === "negative" ? 'stroke-dasharray="5 3"' : ""}/>`).join("");
  }
  const inputs = shades(of, unpacked(sample.pixels, state.level, Uint8Array));
  net.moving.innerHTML = moving + inputs;
  const about = `${whole(left)} of the ${whole(order.length)} weights of the sample are left`;
  $("network-note").textContent = `Ticket, trial ${trial}: ${about}; the network has ${whole(of.total)}. Solid violet is positive, dashed amber `
    + "negative, a wider line a larger weight; grey lines are those that this round removed."
    + (isKnown(of, sample.pixels[state.level]) ? ` Inputs are shaded by the share of their weights that is kept (at most ${short(sample.brightest[state.level])} %).` : "");
  net.say(`The network with ${density()} of its weights: ${about}.`);
}

const isKnown = (of, pixels) => of.picture || pixels.length === of.columns[0]; // of a convolution's inputs it is not

function shades(of, pixels) { // the inputs, as a picture or as a column, each shaded by what it keeps
  const count = pixels.length, bins = Array.from({ length: 7 }, () => []);
  for (let unit = 0; unit < (of.picture ? count : of.columns[0]); unit++) {
    const [x, y] = net.columns[0](unit), shade = isKnown(of, pixels) ? Math.ceil((6 * pixels[unit]) / 255) : 0;
    const half = of.picture ? net.cell / 2 : Math.min(net.radius[0], 6);
    bins[shade].push(`M${(x - half).toFixed(1)} ${(y - half).toFixed(1)}h${(2 * half).toFixed(2)}v${(2 * half).toFixed(2)}h${(-2 * half).toFixed(2)}z`);
  }
  const ground = `<path d="${bins.flat().join("")}" fill="var(--panel)" stroke="var(--faint)" stroke-width="${of.picture ? 0.3 : 1}"/>`;
  return ground + bins.map((cells, shade) => `<path d="${cells.join("")}" fill="${colour(ticket())}" fill-opacity="${shade / 6}"/>`).join("");
}

// -------------------------------------------------------------------------------------- words and numbers

function moveWords() {
  const group = state.group, level = group.levels[state.level];
  $("round-out").textContent = `${level} of ${last(group.levels)}: ${density()} of the weights`;
  $("round").setAttribute("aria-valuetext", `round ${level}, ${density()} of the weights`);
  $("trial-out").textContent = state.choice ? group.trials[state.choice - 1] : `all ${group.trials.length}`;
  $("trial").setAttribute("aria-valuetext", trialWords());
  $("heading").textContent = level ? `What ${trialWords()} show${state.choice ? "s" : ""} at ${density()} of the weights`
    : `The dense network, ${trialWords()}`;
  const found = group.findings[state.choice][state.level].filter((one) => !one.method || state.shown.has(one.method));
  $("findings").innerHTML = found.map((one) => `<dt>${escaped(one.about)}</dt><dd><span class="verdict" `
    + `style="background: var(--${one.verdict.replace(" ", "-")})"></span>${escaped(one.text)}</dd>`).join("")
    || "<dt></dt><dd>Training diverged at this round, or it was not trained.</dd>";
  $("overall").textContent = group.overall.join(" ");
  $("numbers").innerHTML = (state.level ? ["dense", ...visible()] : ["dense"]).map((method) => {
    const of = method === "dense" ? [ticket(), 0] : [method, state.level], cells = ["accuracy", "stop"].map((measure) => {
      const value = valueOf(measure, ...of), row = group[measure][of[0]], words = MEASURES[measure].words;
      if (value === null) return "<td>not measured</td>";
      return `<td>${words(value)}${state.choice ? "" : ` (${words(row.low[of[1]])} to ${words(row.high[of[1]])})`.replace(" %", "")}</td>`;
    });
    return `<tr><th scope="row">${sample(method)}${escaped(look(method).name)}</th>${cells.join("")}</tr>`;
  }).join("");
  $("back").disabled = state.level === 0;
  $("forward").disabled = state.level === group.levels.length - 1;
}

const sample = (method) => `<svg width="34" height="14" aria-hidden="true"><path d="M1 7H33" ${stroke(method, 2)}/>${mark(17, 7, method, 5)}</svg>`;

// --------------------------------------------------------------------------------------- what readers do

function drawMoving() {
  moveAgainst();
  moveLearning();
  moveLayers();
  moveNetwork();
  moveWords();
}

function drawAll() {
  drawAgainst();
  drawLearning();
  drawLayers();
  drawNetwork();
  drawMoving();
}

function goTo(level) {
  state.level = Math.max(0, Math.min(level, state.group.levels.length - 1));
  $("round").value = state.level;
  drawMoving();
}

function play(on) { // from the dense network on, once the last round was shown
  clearInterval(state.playing);
  state.playing = on ? setInterval(() => {
    goTo(state.level + 1);
    if (state.level === state.group.levels.length - 1) play(false);
  }, STEP) : 0;
  $("play").textContent = on ? "Pause" : "Play";
  $("findings").setAttribute("aria-live", on ? "off" : "polite"); // so that nobody is read every round
  if (on && state.level === state.group.levels.length - 1) goTo(0);
}

function choose(group) { // another task or rate, at a density near to the one before
  const before = state.group.weights[state.level], methods = group.methods, hidden = state.group.methods.filter((m) => !state.shown.has(m));
  play(false);
  state.shown = new Set(methods.filter((method) => !hidden.includes(method)));
  const far = (weights) => Math.abs(Math.log(weights / before));
  state.level = group.weights.reduce((best, weights, i) => (far(weights) < far(group.weights[best]) ? i : best), 0);
  state.choice = state.choice <= group.trials.length ? state.choice : 0;
  state.group = group;
  $("results").value = group.name;
  Object.assign($("round"), { max: group.levels.length - 1, value: state.level });
  Object.assign($("trial"), { max: group.trials.length, value: state.choice, disabled: group.trials.length < 2 });
  const rates = DATA.groups.filter((other) => other.name === group.name);
  $("rate-field").hidden = rates.length < 2;
  buttons($("rates"), rates, (other) => String(other.rate), (other) => other === group, (other) => choose(other));
  buttons($("methods"), methods, (method) => look(method).name, (method) => state.shown.has(method), toggle, sample);
  drawAll();
}

function toggle(method, button) {
  if (!state.shown.delete(method)) state.shown.add(method);
  button.setAttribute("aria-pressed", state.shown.has(method));
  drawAgainst();
  drawMoving();
}

function buttons(place, list, words, pressed, act, picture = () => "") {
  const focused = [...place.children].indexOf(document.activeElement); // rebuilt under the reader's finger
  place.innerHTML = list.map((one) => `<button type="button" aria-pressed="${pressed(one)}">${picture(one)}${escaped(words(one))}</button>`).join("");
  [...place.children].forEach((button, i) => button.addEventListener("click", () => act(list[i], button)));
  if (focused >= 0 && place.children[focused]) place.children[focused].focus();
}

function pair(one, other, act) { // two buttons, of which one is pressed
  for (const id of [one, other]) {
    $(id).addEventListener("click", () => {
      for (const each of [one, other]) $(each).setAttribute("aria-pressed", each === id);
      act(id);
    });
  }
}

function begin() {
  const names = [...new Set(DATA.groups.map((group) => group.name))];
  $("results").innerHTML = names.map((name) => `<option>${escaped(name)}</option>`).join("");
  $("results").addEventListener("change", (event) => choose(DATA.groups.find((group) => group.name === event.target.value)));
  $("round").addEventListener("input", (event) => { play(false); goTo(Number(event.target.value)); });
  $("trial").addEventListener("input", (event) => { state.choice = Number(event.target.value); drawAgainst(); drawMoving(); });
  $("back").addEventListener("click", () => { play(false); goTo(state.level - 1); });
  $("forward").addEventListener("click", () => { play(false); goTo(state.level + 1); });
  $("play").addEventListener("click", () => play(!state.playing));
  pair("before", "after", (id) => { state.trained = id === "after"; moveNetwork(); });
  pair("of-accuracy", "of-stop", (id) => { state.measure = id.slice(3); drawAgainst(); moveAgainst(); });
  $("density").addEventListener("click", (event) => { // the nearest round to where the panel was clicked
    const x = event.clientX - $("density").getBoundingClientRect().left;
    const far = (weights) => Math.abs(against.x(weights) - x);
    play(false);
    goTo(state.group.weights.reduce((best, weights, i) => (far(weights) < far(state.group.weights[best]) ? i : best), 0));
  });
  document.querySelectorAll("form").forEach((form) => form.addEventListener("submit", (event) => event.preventDefault()));
  document.querySelector("main").hidden = false;
  let width = 0;
  new ResizeObserver(() => {
    const now = document.querySelector("main").clientWidth;
    if (now !== width) { width = now; drawAll(); }
  }).observe(document.querySelector("main"));
  state.level = state.group.weights.reduce((best, weights, i) => (Math.abs(weights - 21) < Math.abs(state.group.weights[best] - 21) ? i : best), 0);
  choose(state.group);
}

begin();
