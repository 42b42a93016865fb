// The page: what is shown of the numbers that arithmetic.js computes.

const $ = (id) => document.getElementById(id);
const SVG = "http://www.w3.org/2000/svg";
const copy = (value) => JSON.parse(JSON.stringify(value));
const fmt = (value) => {
  if (value === null || value === undefined) return "";
  return Number.isFinite(value) ? String(Number(value.toPrecision(6))).replace("-", "\u2212") : String(value);
};
// A few digits, fewer where they are beside a power of ten
const short = (value, digits) => {
  if (!Number.isFinite(value)) return String(value);
  const text = fmt(Number(value.toPrecision(digits)));
  return text.length > 8 ? fmt(Number(value.toPrecision(2))) : text;
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
  if (position < steps.length) position += 1;
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
    [position, updates] = [steps.length, updates - 1];
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
