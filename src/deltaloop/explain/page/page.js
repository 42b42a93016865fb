// The page: what is shown of the numbers that arithmetic.js computes.

const $ = (id) => document.getElementById(id);
const SVG = "http://www.w3.org/2000/svg";
const copy = (value) => JSON.parse(JSON.stringify(value));
const fmt = (value) => {
  if (value === null || value === undefined) return "";
  return Number.isFinite(value) ? String(Number(value.toPrecision(6))).replace("-", "\u2212") : String(value);
};
const times = (value) => (value < 0 ? `(${fmt(value)})` : fmt(value));

// What can be changed
let model, x, y, rate;
// Where we are: steps[0] to steps[position - 1] of this update have been made
let position = 0, updates = 0, past = [], losses = [], steps = [], values, chosen, timer = null;

const units = (level) => (level ? model.layers[level - 1].W.length : x.length);
const last = () => model.layers.length;
const pair = (j, k) => (Math.max(j, k) < 10 ? `${j}${k}` : `${j},${k}`);
const sym = (letter, layer, unit) =>
  `<i>${letter}</i><span class="stack"><span>${layer}</span><span>${unit}</span></span>`;
const partial = (above, below) =>
  `<span class="fraction"><span>&part;${above}<span class="spoken"> by </span></span>` +
  `<span>&part;${below}</span></span>`;
const C = "<i>C</i>";

function reset() {
  model = copy(DATA.model);
  [x, y, rate] = [DATA.x.slice(), DATA.y.slice(), DATA.learning_rate];
  [position, updates, past, losses] = [0, 0, [], []];
  chosen = copy(DATA.chosen);
  stop();
  build();
}

// The steps of one update, in the order in which they are computed
function listed() {
  const found = [], n = last();
  for (let k = 0; k < n; k++)
    for (let j = 0; j < units(k + 1); j++) found.push({ kind: "forward", k, j });
  found.push({ kind: "loss" });
  for (let k = n - 1; k >= 0; k--)
    for (let j = 0; j < units(k + 1); j++) found.push({ kind: "delta", k, j });
  for (let k = n - 1; k >= 0; k--) found.push({ kind: "gradient", k });
  found.push({ kind: "update" });
  return found;
}

const index = (kind, k, j) =>
  steps.findIndex((one) => one.kind === kind && one.k === k && one.j === j);
const done = (kind, k, j) => index(kind, k, j) < position;

// Take the parameters after the update, and begin with the next one
function update() {
  past.push({ W: model.layers.map((layer) => layer.W), b: model.layers.map((layer) => layer.b) });
  losses.push(values.loss);
  model.layers.forEach((layer, k) => {
    layer.W = values.W_after[k];
    layer.b = values.b_after[k];
  });
  [position, updates] = [0, updates + 1];
}

function forward() {
  if (position < steps.length - 1) position += 1;
  else update();
  show();
}

function backward() {
  if (position > 0) {
    position -= 1;
  } else if (past.length) {
    const before = past.pop();
    losses.pop();
    model.layers.forEach((layer, k) => {
      layer.W = before.W[k];
      layer.b = before.b[k];
    });
    [position, updates] = [steps.length - 1, updates - 1];
  }
  show();
}

function train(n) {
  for (let k = 0; k < n && Number.isFinite(values.loss); k++) {
    update();
    values = compute(model, x, y, rate);
  }
  show();
}

function stop() {
  clearInterval(timer);
  timer = null;
  $("play").textContent = "\u25B6 Play";
  $("play").setAttribute("aria-pressed", "false");
}

function play() {
  if (timer) return stop();
  timer = setInterval(forward, Number($("speed").value));
  $("play").textContent = "\u2759\u2759 Pause";
  $("play").setAttribute("aria-pressed", "true");
}

// Pictures

function draw(parent, name, attributes = {}, text = null) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== null) made.textContent = text;
  return parent.appendChild(made);
}

// A symbol with its layer above and its unit below
function symbol(parent, at, letter, layer, unit, more = "", css = "") {
  const text = draw(parent, "text", { ...at, class: css });
  draw(text, "tspan", { "font-style": "italic" }, letter);
  draw(text, "tspan", { dy: "-0.45em", "font-size": "70%" }, layer);
  draw(text, "tspan", { dy: "0.8em", dx: "-0.45em", "font-size": "70%" }, unit);
  if (more) draw(text, "tspan", { dy: "-0.35em" }, more);
  return text;
}

const GAP = 190, R = 31;
const most = () => Math.max(...Array.from({ length: last() + 1 }, (_, level) => units(level)));
const across = (level) => 50 + GAP * level;
const place = (level, unit) =>
  [across(level), 62 + 96 * (unit + (most() - units(level)) / 2)];

const isPath = (k, j, i) => {
  const c = chosen;
  if (k === c.k) return j === c.j && (c.i === null || i === c.i);
  if (k === c.k + 1) return i === c.j;
  return k > c.k + 1;
};

function drawNetwork() {
  const svg = $("net"), n = last();
  const focused = document.activeElement && document.activeElement.classList.contains("edge");
  svg.replaceChildren();
  svg.setAttribute("viewBox", `0 0 ${100 + GAP * n} ${96 * most() + 34}`);
  model.layers.forEach((layer, k) => {
    const largest = Math.max(...layer.W.flat().map(Math.abs)) || 1;
    const few = layer.W.length * layer.W[0].length <= 16;
    draw(svg, "text", { x: 50 + GAP * (k + 0.5), y: 16, class: "head" }, layer.activation);
    layer.W.forEach((row, j) => row.forEach((w, i) => {
      if (layer.mask && !layer.mask[j][i]) return;
      const [x1, y1] = place(k, i), [x2, y2] = place(k + 1, j);
      const isChosen = chosen.k === k && chosen.j === j && chosen.i === i;
      const css = ["edge", w < 0 ? "negative" : "positive"];
      if (isPath(k, j, i)) css.push("path");
      if (isChosen) css.push("chosen");
      const name = `w ${k + 1}, ${j + 1} ${i + 1}`;
      const group = draw(svg, "g", {
        class: css.join(" "), role: "button", tabindex: isChosen ? 0 : -1,
        "data-k": k, "data-j": j, "data-i": i,
        "aria-label": `weight ${name}: ${fmt(w)}, gradient ${fmt(values.dW[k][j][i])}`,
      });
      const ends = { x1, y1, x2, y2 };
      draw(group, "line", { ...ends, class: "glow" });
      draw(group, "line", { ...ends, class: "seen", "stroke-width": 0.8 + (3.5 * Math.abs(w)) / largest });
      draw(group, "line", { ...ends, class: "reach" });
      const pick = () => choose(k, j, i);
      group.addEventListener("mouseenter", pick);
      group.addEventListener("click", pick);
      group.addEventListener("focus", () => { if (!isChosen) pick(); });
      if (isChosen && focused) group.focus();
    }));
    // numbers over the lines, not under them
    if (few) layer.W.forEach((row, j) => row.forEach((w, i) => {
      if (layer.mask && !layer.mask[j][i]) return;
      const [x1, y1] = place(k, i), [x2, y2] = place(k + 1, j);
      // near where lines from one unit part, or where those to another meet: not where they cross
      const at = 0.28 + (layer.W.length > 1 ? (0.38 * j) / (layer.W.length - 1) : 0.1);
      const group = draw(svg, "g", { class: "edge", "aria-hidden": "true" });
      const where = { x: x1 + at * (x2 - x1), y: y1 + at * (y2 - y1) + 4 };
      draw(group, "text", where, fmt(Number(w.toPrecision(4))));
      if (done("gradient", k)) {
        draw(group, "text", { ...where, y: where.y + 14, class: "gradient" },
          `\u2202 ${fmt(Number(values.dW[k][j][i].toPrecision(3)))}`);
      }
    }));
  });
  const now = steps[position - 1] || {};
  for (let level = 0; level <= n; level++) {
    for (let unit = 0; unit < units(level); unit++) {
      const kind = level === 0 ? "input" : level === n ? "output" : "hidden";
      const isNow = (now.kind === "forward" || now.kind === "delta") && now.k === level - 1 && now.j === unit;
      const [cx, cy] = place(level, unit);
      const seen = level === 0 || done("forward", level - 1, unit);
      const a = values.a[level][unit];
      const group = draw(svg, "g", {
        class: `unit ${kind}${isNow ? " now" : ""}`, role: "img",
        "aria-label": `${kind} ${unit + 1}` + (seen ? `, a = ${fmt(a)}` : ""),
      });
      draw(group, "circle", { cx, cy, r: R });
      symbol(group, { x: cx, y: cy - 2 }, "a", level + 1, unit + 1);
      if (seen) draw(group, "text", { x: cx, y: cy + 17, class: "number" }, fmt(Number(a.toPrecision(4))));
      if (level && done("forward", level - 1, unit)) {
        draw(group, "text", { x: cx, y: cy - R - 5, class: "above" },
          `z = ${fmt(Number(values.z[level - 1][unit].toPrecision(4)))}`);
      }
      if (level && done("delta", level - 1, unit)) {
        draw(group, "text", { x: cx, y: cy + R + 14, class: "below" },
          `\u03B4 = ${fmt(Number(values.delta[level - 1][unit].toPrecision(4)))}`);
      }
    }
  }
}

function drawLosses() {
  const svg = $("losses"), all = [...losses, values.loss].filter(Number.isFinite);
  svg.replaceChildren();
  const high = Math.max(...all, 1e-300), low = Math.min(0, ...all);
  const along = (k) => 36 + (272 * k) / Math.max(1, all.length - 1);
  const up = (value) => 120 - (105 * (value - low)) / (high - low || 1);
  draw(svg, "line", { x1: 36, y1: 120, x2: 312, y2: 120 });
  draw(svg, "line", { x1: 36, y1: 10, x2: 36, y2: 120 });
  draw(svg, "polyline", { points: all.map((value, k) => `${along(k)},${up(value)}`).join(" ") });
  draw(svg, "circle", { cx: along(all.length - 1), cy: up(all[all.length - 1]), r: 4 });
  draw(svg, "text", { x: 2, y: 18 }, fmt(Number(high.toPrecision(3))));
  draw(svg, "text", { x: 2, y: 122 }, fmt(Number(low.toPrecision(3))));
  draw(svg, "text", { x: 180, y: 142 }, `${updates} updates`);
  svg.setAttribute("aria-label",
    `Loss after ${updates} updates: ${fmt(values.loss)}` + (losses.length ? `, at first ${fmt(losses[0])}` : ""));
}

// Words and formulas

function told(step) {
  const n = last();
  if (!step) {
    const what = updates ? `Update ${updates} is done: every w has become w &minus; &epsilon; &part;C/&part;w.`
      : "Everything is at its beginning.";
    return `<p class="words">${what} The next step starts the forward pass.</p>`;
  }
  const { kind, k, j } = step;
  if (kind === "forward") {
    const layer = model.layers[k], z = values.z[k][j], a = values.a[k + 1][j];
    const sum = layer.W[j].map((w, i) => `${times(w)} &middot; ${times(values.a[k][i])}`).join(" + ");
    const bias = layer.b ? ` + ${times(layer.b[j])}` : "";
    return `<p class="words">Forward, layer ${k + 1}, unit ${j + 1}: weighted input and activation.</p>
      <p>${sym("z", k + 2, j + 1)} = ${sum}${bias} = <b>${fmt(z)}</b></p>
      <p>${sym("a", k + 2, j + 1)} = ${layer.activation}(${fmt(z)}) = <b>${fmt(a)}</b></p>`;
  }
  if (kind === "loss") {
    const rows = y.map((one, i) => `<p>${sym("a", n + 1, i + 1)} = ${fmt(values.a[n][i])}, <i>y</i><sub>${i + 1}</sub> = ${fmt(one)}</p>`);
    return `<p class="words">The cost ${model.loss}, a sum over the outputs of ${escaped(LOSSES[model.loss].formula)}.</p>
      ${rows.join("")}<p>${C} = <b>${fmt(values.loss)}</b></p>`;
  }
  if (kind === "delta") {
    return `<p class="words">Backward, layer ${k + 1}, unit ${j + 1}: the local gradient.</p>${deltaLines(k, j)}`;
  }
  if (kind === "gradient") {
    return `<p class="words">Gradient of layer ${k + 1}: each weight has the &delta; it leads to, times the
      activation that it comes from.</p>
      <p>${partial(C, sym("w", k + 1, "ji"))} = ${sym("&delta;", k + 2, "j")} ${sym("a", k + 1, "i")}</p>
      ${model.layers[k].b ? `<p>${partial(C, sym("b", k + 1, "j"))} = ${sym("&delta;", k + 2, "j")}</p>` : ""}`;
  }
  return "";
}

function escaped(text) {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;");
}

// Where delta of a unit comes from
function deltaLines(k, j) {
  const n = last(), layer = model.layers[k];
  const delta = sym("&delta;", k + 2, j + 1), z = sym("z", k + 2, j + 1), a = sym("a", k + 2, j + 1);
  const value = `<b>${fmt(values.delta[k][j])}</b>`;
  if (k === n - 1 && kind(model) === "cancelled") {
    return `<p>${delta} = ${partial(C, z)} = ${a} &minus; <i>y</i><sub>${j + 1}</sub> = ${fmt(values.a[n][j])}
      &minus; ${times(y[j])} &rarr; ${value}</p><p class="words">The slopes of loss and ${layer.activation} cancel.</p>`;
  }
  if (k === n - 1 && kind(model) === "coupled") {
    const J = jacobian(layer, values.a[n]);
    const sum = values.dC_da[k].map((one, i) => `${times(one)} &middot; ${times(J[i][j])}`).join(" + ");
    return `<p>${delta} = &sum;<sub>k</sub> ${partial(C, "<i>a</i><sub>k</sub>")}
      ${partial("<i>a</i><sub>k</sub>", z)} = ${sum} = ${value}</p>`;
  }
  let first;
  if (k === n - 1) {
    first = `<p>${partial(C, a)} = ${escaped(LOSSES[model.loss].slope_formula)} = ${fmt(values.dC_da[k][j])}</p>`;
  } else {
    const next = model.layers[k + 1];
    const sum = next.W.map((row, i) => `${times(row[j])} &middot; ${times(values.delta[k + 1][i])}`).join(" + ");
    first = `<p>${partial(C, a)} = &sum;<sub>i</sub> ${sym("w", k + 2, "i" + (j + 1))} ${sym("&delta;", k + 3, "i")}
      = ${sum} = ${fmt(values.dC_da[k][j])}</p>`;
  }
  return `${first}<p>${partial(a, z)} = ${layer.activation}&prime;(${z}) = ${fmt(values.slope[k][j])}</p>
    <p>${delta} = ${partial(C, a)} &middot; ${partial(a, z)} = ${times(values.dC_da[k][j])} &middot;
    ${times(values.slope[k][j])} = ${value}</p>`;
}

function showChain() {
  const { k, j, i } = chosen, isBias = i === null;
  const name = isBias ? sym("b", k + 1, j + 1) : sym("w", k + 1, pair(j + 1, i + 1));
  const z = sym("z", k + 2, j + 1), a = sym("a", k + 2, j + 1);
  const from = isBias ? 1 : values.a[k][i];
  const value = isBias ? values.db[k][j] : values.dW[k][j][i];
  const whole = values.dC_da[k] === null || values.slope[k] === null
    ? partial(C, z) : `${partial(C, a)} &middot; ${partial(a, z)}`;
  $("chosen").innerHTML = name;
  $("factors").innerHTML = `<p>${partial(C, name)} = ${whole} &middot; ${partial(z, name)}</p>
    ${deltaLines(k, j)}
    <p>${partial(z, name)} = ${isBias ? "1" : `${sym("a", k + 1, i + 1)} = ${fmt(from)}`}</p>
    <p>${partial(C, name)} = ${sym("&delta;", k + 2, j + 1)} &middot; ${partial(z, name)}
    = ${times(values.delta[k][j])} &middot; ${times(from)} = <b>${fmt(value)}</b></p>`;
}

function showSteps() {
  const names = { forward: "z, a", delta: "\u03B4", gradient: "\u2202C/\u2202W", loss: "C", update: "update" };
  $("steps").replaceChildren(...steps.map((one, k) => {
    const made = document.createElement("li");
    const place = one.j !== undefined ? ` ${one.k + 2},${one.j + 1}` : one.k !== undefined ? ` ${one.k + 1}` : "";
    made.textContent = names[one.kind] + place;
    if (k < position) made.className = "done";
    if (k === position - 1) made.setAttribute("aria-current", "step");
    return made;
  }));
  $("counter").textContent = `${position} of ${steps.length}, update ${updates + 1}`;
  $("told").innerHTML = told(steps[position - 1]);
  if (!Number.isFinite(values.loss)) {
    $("told").innerHTML = `<p class="words">The loss is ${values.loss}: lower the learning rate, or reset.</p>`;
  }
}

// Tables that can be changed

function field(label, value, change) {
  const made = document.createElement("input");
  made.type = "number";
  made.step = "any";
  made.value = value;
  made.setAttribute("aria-label", label);
  made.addEventListener("input", () => {
    const number = made.value.trim() === "" ? NaN : Number(made.value);
    made.setAttribute("aria-invalid", String(!Number.isFinite(number)));
    if (Number.isFinite(number)) {
      change(number);
      show(made);
    }
  });
  return made;
}

function table(title, rows) {
  const made = document.createElement("div"), heading = document.createElement("h3");
  heading.append(...[title].flat());
  const grid = document.createElement("table");
  for (const row of rows) {
    const line = grid.insertRow();
    for (const cell of row) line.insertCell().append(cell);
  }
  made.append(heading, grid);
  return made;
}

function choice(label, names, value, change) {
  const made = document.createElement("select");
  made.setAttribute("aria-label", label);
  made.append(...names.map((name) => new Option(name, name, false, name === value)));
  made.addEventListener("change", () => { change(made.value); show(); });
  return made;
}

let fields = [];
function build() {
  fields = [];
  const add = (label, get, set) => {
    const made = field(label, get(), set);
    fields.push([made, get]);
    return made;
  };
  const tables = [
    table("Inputs x", x.map((_, i) => [`x${i + 1}`, add(`input ${i + 1}`, () => x[i], (v) => { x[i] = v; })])),
    table("Targets y", y.map((_, i) => [`y${i + 1}`, add(`target ${i + 1}`, () => y[i], (v) => { y[i] = v; })])),
  ];
  model.layers.forEach((layer, k) => {
    const isLast = k === last() - 1;
    const select = choice(`activation of layer ${k + 1}`, isLast ? DATA.outputs : DATA.hidden,
      layer.activation, (name) => {
        layer.activation = name;
        layer.alpha = DATA.alphas[name] === undefined ? 0 : DATA.alphas[name];
      });
    const rows = layer.W.map((row, j) => {
      const cells = [`to ${j + 1}`];
      row.forEach((_, i) => {
        if (layer.mask && !layer.mask[j][i]) cells.push("none");
        else cells.push(add(`weight of layer ${k + 1} from ${i + 1} to ${j + 1}`, () => model.layers[k].W[j][i],
          (v) => { model.layers[k].W = copy(model.layers[k].W); model.layers[k].W[j][i] = v; }));
      });
      if (layer.b) cells.push("b", add(`bias of unit ${j + 1} of layer ${k + 1}`, () => model.layers[k].b[j],
        (v) => { model.layers[k].b = model.layers[k].b.slice(); model.layers[k].b[j] = v; }));
      return cells;
    });
    tables.push(table([`Layer ${k + 1}: W and b, `, select], rows));
  });
  $("tables").replaceChildren(...tables);
  $("rate").value = rate;
  steps = listed();
  show();
}

function choose(k, j, i) {
  if (chosen.k === k && chosen.j === j && chosen.i === i) return;
  chosen = { k, j, i };
  drawNetwork();
  showChain();
}

function show(edited = null) {
  values = compute(model, x, y, rate);
  drawNetwork();
  showSteps();
  showChain();
  drawLosses();
  // on a narrow screen the picture follows the steps
  const now = steps[position - 1], scroll = $("net").parentElement;
  if (now && now.k !== undefined) {
    const scale = $("net").clientWidth / $("net").viewBox.baseVal.width;
    scroll.scrollLeft = across(now.k + 0.5) * scale - scroll.clientWidth / 2;
  } else if (!now) {
    scroll.scrollLeft = 0;
  }
  for (const [made, get] of fields) if (made !== edited) made.value = get();
}

function neighbour(way) {
  const all = [...document.querySelectorAll(".edge[role=button]")];
  const here = all.findIndex((one) => one.classList.contains("chosen"));
  const next = all[(here + way + all.length) % all.length];
  choose(Number(next.dataset.k), Number(next.dataset.j), Number(next.dataset.i));
  const made = document.querySelector(".edge.chosen");
  if (made) made.focus();
}

const KEYS = {
  ArrowRight: forward, ArrowLeft: backward, " ": play, Home: reset,
  ArrowDown: () => neighbour(1), ArrowUp: () => neighbour(-1),
};
document.addEventListener("keydown", (event) => {
  const own = event.target.matches("input, select, textarea") || (event.target.matches("button") && event.key === " ");
  if (own || event.ctrlKey || event.metaKey || event.altKey || !KEYS[event.key]) return;
  if (event.key.startsWith("Arrow") && /Up|Down/.test(event.key) && !event.target.closest("#net")) return;
  event.preventDefault();
  KEYS[event.key]();
});
$("reset").onclick = reset;
$("back").onclick = backward;
$("step").onclick = forward;
$("play").onclick = play;
$("train1").onclick = () => train(1);
$("train100").onclick = () => train(100);
$("speed").onchange = () => { if (timer) { stop(); play(); } };
$("rate").oninput = () => {
  const number = $("rate").value.trim() === "" ? NaN : Number($("rate").value);
  $("rate").setAttribute("aria-invalid", String(!(number >= 0)));
  if (number >= 0) { rate = number; show(); }
};

function theme(name) {
  document.documentElement.dataset.theme = name;
  $("theme").textContent = name === "dark" ? "Light" : "Dark";
}
$("theme").onclick = () => theme(document.documentElement.dataset.theme === "dark" ? "light" : "dark");
theme(matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
$("remarks").textContent = DATA.notes.join(" ");
reset();
