// Tables that can be changed, keys and buttons; and the start of it all.

function field(label, value, change) {
  const made = document.createElement("input");
  made.type = "number";
  made.step = "any";
  made.value = value;
  made.title = value;
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

function table(title, rows, columns = []) {
  const made = document.createElement("div"), heading = document.createElement("h3");
  heading.append(...[title].flat());
  const grid = document.createElement("table");
  if (columns.length) {
    const head = grid.createTHead().insertRow();
    for (const column of columns) head.insertCell().innerHTML = column;
  }
  const body = grid.createTBody();
  for (const row of rows) {
    const made = body.insertRow();
    for (const cell of row) made.insertCell().append(cell);
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

// Activations of a layer to choose from; of the last one for each kind of outputs
function choices(k) {
  const layers = k < last() - 1 || !model.heads ? [model.layers[k]] : model.heads;
  return layers.flatMap((layer, number) => {
    const names = k < last() - 1 ? DATA.hidden : DATA.outputs[number];
    if (!names.length) return [];
    const label = layer.name === undefined ? `activation of layer ${k + 1}` : `activation of ${layer.name}`;
    return [layer.name === undefined ? "" : ` ${layer.name} `, choice(label, names, layer.activation, (name) => {
      layer.activation = name;
      layer.alpha = DATA.alphas[name] === undefined ? 0 : DATA.alphas[name];
    })];
  });
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
    const rows = layer.W.map((row, j) => {
      const cells = [`to ${j + 1}`];
      row.forEach((_, i) => {
        const [level, unit] = origin(model, k, i);
        const from = level === k ? unit + 1 : `${unit + 1} of layer ${level}`;
        if (!isThere(k, j, i)) cells.push("none");
        else cells.push(add(`weight of layer ${k + 1} from ${from} to ${j + 1}`, () => model.layers[k].W[j][i],
          (v) => { model.layers[k].W = copy(model.layers[k].W); model.layers[k].W[j][i] = v; }));
      });
      if (layer.b) cells.push(add(`bias of unit ${j + 1} of layer ${k + 1}`, () => model.layers[k].b[j],
        (v) => { model.layers[k].b = model.layers[k].b.slice(); model.layers[k].b[j] = v; }));
      return cells;
    });
    const from = ["", ...layer.W[0].map((_, i) => own_a(k, i)), ...(layer.b ? ["<i>b</i>"] : [])];
    tables.push(table([`Layer ${k + 1}: W and b `, ...choices(k)], rows, from));
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
  for (const [made, get] of fields) if (made !== edited) made.value = made.title = get();
}

function neighbour(way) {
  const all = [...document.querySelectorAll(".edge[role=button]")];
  const here = all.findIndex((one) => one.classList.contains("chosen"));
  const next = all[(here + way + all.length) % all.length];
  const { k, j, i } = next.dataset;
  choose(Number(k), Number(j), i === undefined ? null : Number(i));
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
