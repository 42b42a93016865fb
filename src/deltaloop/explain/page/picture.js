// The network and the curve of the loss as SVG.

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
  draw(text, "tspan", { dy: "0.8em", dx: "-0.6em", "font-size": "70%" }, unit);
  if (more) draw(text, "tspan", { dy: "-0.35em" }, more);
  return text;
}

const GAP = 190, ROW = 104, R = 31, LABELS = 8;
const most = () => Math.max(...Array.from({ length: last() + 1 }, (_, level) => units(level)));
const across = (level) => 50 + GAP * level;
const place = (level, unit) =>
  [across(level), 66 + ROW * (unit + (most() - units(level)) / 2)];
const skips = () => model.layers.some((layer) => layer.sources.length > 1);

// A line from unit to unit, as a path and as its points; what skips layers goes around them
function route(k, j, i) {
  const [level, unit] = origin(model, k, i);
  const [x1, y1] = place(level, unit), [x2, y2] = place(k + 1, j);
  if (level === k) {
    return {
      d: `M${x1} ${y1}L${x2} ${y2}`,
      at: (t) => ({ x: x1 + t * (x2 - x1), y: y1 + t * (y2 - y1) + 4 }),
    };
  }
  const height = ROW * most() + 34, isUp = y1 + y2 <= height + 1;
  const over = isUp ? -40 : height + 40, part = GAP * 0.6;
  const mix = (p, c, d, q, t) =>
    (1 - t) ** 3 * p + 3 * (1 - t) ** 2 * t * c + 3 * (1 - t) * t * t * d + t ** 3 * q;
  return {
    d: `M${x1} ${y1}C${x1 + part} ${over} ${x2 - part} ${over} ${x2} ${y2}`,
    at: (t) => ({ x: mix(x1, x1 + part, x2 - part, x2, t), y: mix(y1, over, over, y2, t) }),
  };
}

// Units that the chosen unit leads to, as "level,unit"
function reached() {
  const found = new Set([`${chosen.k + 1},${chosen.j}`]);
  model.layers.forEach((layer, k) => layer.W.forEach((row, j) => row.forEach((_, i) => {
    if (k > chosen.k && isThere(k, j, i) && found.has(String(origin(model, k, i)))) found.add(`${k + 1},${j}`);
  })));
  return found;
}

const isThere = (k, j, i) => !model.layers[k].mask || model.layers[k].mask[j][i];

// Numbers beside a line, as far as the steps have come: w, and its gradient or what it becomes
function labels(k, j, i) {
  const w = ["", short(model.layers[k].W[j][i], 4)];
  if (done("update")) return [w, ["", `\u2192 ${short(values.W_after[k][j][i], 4)}`]];
  return done("gradient", k) ? [w, ["gradient", `\u2202 ${short(values.dW[k][j][i], 3)}`]] : [w];
}

function drawEdges(svg, k, reach, focused) {
  const layer = model.layers[k], largest = Math.max(...layer.W.flat().map(Math.abs)) || 1;
  layer.W.forEach((row, j) => row.forEach((w, i) => {
    if (!isThere(k, j, i)) return;
    const isChosen = chosen.k === k && chosen.j === j && chosen.i === i;
    const css = ["edge", w < 0 ? "negative" : "positive"];
    if (isChosen || (k > chosen.k && reach.has(String(origin(model, k, i))))) css.push("path");
    if (isChosen) css.push("chosen");
    const name = `w ${k + 1}, ${j + 1} ${i + 1}`;
    const group = draw(svg, "g", {
      class: css.join(" "), role: "button", tabindex: isChosen ? 0 : -1,
      "data-k": k, "data-j": j, "data-i": i,
      "aria-label": `weight ${name}: ${fmt(w)}, gradient ${fmt(values.dW[k][j][i])}`,
    });
    const { d } = route(k, j, i);
    draw(group, "path", { d, class: "glow" });
    draw(group, "path", { d, class: "seen", "stroke-width": 0.8 + (3.5 * Math.abs(w)) / largest });
    draw(group, "path", { d, class: "reach" });
    pickable(group, k, j, i, isChosen, focused);
  }));
}

// What can be pointed at, clicked or focused to see its chain rule
function pickable(group, k, j, i, isChosen, focused) {
  const pick = () => choose(k, j, i);
  group.addEventListener("mouseenter", pick);
  group.addEventListener("click", pick);
  group.addEventListener("focus", () => { if (!isChosen) pick(); });
  if (isChosen && focused) group.focus();
}

// Over the lines, not under them; of layers with many weights those of the chosen one alone
function drawLabels(svg, k) {
  const { W } = model.layers[k], few = W.length * W[0].length <= LABELS;
  W.forEach((row, j) => row.forEach((_, i) => {
    const isChosen = chosen.k === k && chosen.j === j && chosen.i === i;
    if (!isThere(k, j, i) || !(few || isChosen)) return;
    const group = draw(svg, "g", { class: "edge", "aria-hidden": "true" });
    // near where lines from one unit part, or where those to another meet: not where they cross
    const along = few ? 0.28 + (W.length > 1 ? (0.38 * j) / (W.length - 1) : 0.1) : 0.5;
    const where = route(k, j, i).at(along);
    labels(k, j, i).forEach(([css, text], line) =>
      draw(group, "text", { ...where, y: where.y + 14 * line, class: css }, text));
  }));
}

function drawUnit(svg, level, unit, focused) {
  const n = last(), now = steps[position - 1] || {}, k = level - 1;
  const kind = level === 0 ? "input" : level === n ? "output" : "hidden";
  const isNow = (now.kind === "forward" || now.kind === "delta") && now.k === k && now.j === unit;
  const [cx, cy] = place(level, unit), seen = level === 0 || done("forward", k, unit);
  const a = values.a[level][unit], b = level ? model.layers[k].b : null;
  const isChosen = chosen.k === k && chosen.j === unit && chosen.i === null;
  const css = ["unit", kind, isNow ? "now" : "", isChosen ? "chosen" : "", b ? "edge" : ""];
  const says = `${kind} ${unit + 1}` + (seen ? `, a = ${fmt(a)}` : "");
  const group = draw(svg, "g", {
    class: css.filter(Boolean).join(" "), role: b ? "button" : "img",
    "aria-label": b ? `${says}, bias ${fmt(b[unit])}, gradient ${fmt(values.db[k][unit])}` : says,
    ...(b ? { "data-k": k, "data-j": unit, tabindex: isChosen ? 0 : -1 } : {}),
  });
  draw(group, "circle", { cx, cy, r: R });
  symbol(group, { x: cx, y: cy - 2 }, "a", level + 1, unit + 1);
  if (seen) draw(group, "text", { x: cx, y: cy + 17, class: "number" }, short(a, 4));
  if (level && done("forward", k, unit)) {
    draw(group, "text", { x: cx, y: cy - R - 5, class: "above" }, `z = ${short(values.z[k][unit], 4)}`);
  }
  if (level && done("delta", k, unit)) {
    draw(group, "text", { x: cx, y: cy + R + 14, class: "below" },
      `\u03B4 = ${short(values.delta[k][unit], 4)}`);
  }
  if (b) pickable(group, k, unit, null, isChosen, focused);
}

function drawNetwork() {
  const svg = $("net"), n = last(), pad = skips() ? 44 : 0, names = model.heads ? 110 : 0;
  const focused = document.activeElement && document.activeElement.classList.contains("edge");
  const [width, height] = [124 + GAP * n + names, ROW * most() + 40 + 2 * pad];
  svg.replaceChildren();
  svg.setAttribute("viewBox", `0 ${-pad} ${width} ${height}`);
  svg.style.maxWidth = `${Math.max(0.6, Math.min(1.3, 820 / height)) * width}px`;
  svg.style.minWidth = `${Math.min(0.8 * width, 620)}px`;
  const reach = reached();
  model.layers.forEach((layer, k) => {
    const name = k === n - 1 && model.heads ? "heads" : layer.activation;
    draw(svg, "text", { x: 50 + GAP * (k + 0.5), y: 16 - pad, class: "head" }, name);
    drawEdges(svg, k, reach, focused);
  });
  model.layers.forEach((_, k) => drawLabels(svg, k));
  for (let level = 0; level <= n; level++)
    for (let unit = 0; unit < units(level); unit++) drawUnit(svg, level, unit, focused);
  for (const part of model.heads || []) {
    const [cx, cy] = place(n, part.first + (part.n - 1) / 2);
    draw(svg, "text", { x: cx + R + 10, y: cy, class: "head name" }, part.name);
    draw(svg, "text", { x: cx + R + 10, y: cy + 17, class: "head name small" }, part.activation.replaceAll("_", " "));
  }
}

function drawLosses() {
  const svg = $("losses"), all = [...losses, values.loss].filter(Number.isFinite);
  svg.replaceChildren();
  const high = Math.max(...all, 1e-300), low = Math.min(0, ...all);
  const along = (k) => 66 + (242 * k) / Math.max(1, all.length - 1);
  const up = (value) => 120 - (105 * (value - low)) / (high - low || 1);
  draw(svg, "line", { x1: 66, y1: 120, x2: 312, y2: 120 });
  draw(svg, "line", { x1: 66, y1: 10, x2: 66, y2: 120 });
  draw(svg, "polyline", { points: all.map((value, k) => `${along(k)},${up(value)}`).join(" ") });
  draw(svg, "circle", { cx: along(all.length - 1), cy: up(all[all.length - 1]), r: 4 });
  draw(svg, "text", { x: 60, y: 19, class: "end" }, short(high, 3));
  draw(svg, "text", { x: 60, y: 123, class: "end" }, short(low, 3));
  draw(svg, "text", { x: 180, y: 142 }, `${updates} updates`);
  svg.setAttribute("aria-label",
    `Loss after ${updates} updates: ${fmt(values.loss)}` + (losses.length ? `, at first ${fmt(losses[0])}` : ""));
}
