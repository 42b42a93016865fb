// What is said of a step and of the chosen parameter: words, and formulas as HTML.

const isEscaped = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
const escaped = (text) => text.replace(/[&<>"]/g, (sign) => isEscaped[sign]);
const line = (text) => `<p>${text}</p>`;
const words = (text) => `<p class="words">${text}</p>`;
// The kind of outputs that a unit of the last layer is of
const part_of = (j) => parts(model).find((one) => j >= one.first && j < one.first + one.n);
const weighted = (part, text) => (part.weight === 1 ? text : `${fmt(part.weight)} &middot; ${text}`);
// A formula of functions.py
const pretty = (text) => escaped(text).replace(/\^([\w.]+|\([^)]*\))/g, "<sup>$1</sup>").replace(/ - /g, " &minus; ");
const target = (part, j) => part.first_target + ((j - part.first) % part.n_targets);
const own_a = (k, i) => { const [level, unit] = origin(model, k, i); return sym("a", level + 1, unit + 1); };

function told(step) {
  if (!step) {
    const what = updates ? `Update ${updates} is done: every w has become w &minus; &epsilon; &part;C/&part;w.`
      : "Everything is at its beginning.";
    return words(`${what} The next step starts the forward pass.`);
  }
  const { kind, k, j } = step;
  if (kind === "forward") return forwardLines(k, j);
  if (kind === "loss") return lossLines();
  if (kind === "delta") {
    return words(`Backward, layer ${k + 1}, unit ${j + 1}: the local gradient.`) + deltaLines(k, j);
  }
  if (kind === "gradient") {
    const bias = model.layers[k].b ? line(`${partial(C, sym("b", k + 1, "j"))} = ${sym("&delta;", k + 2, "j")}`) : "";
    const a = model.layers[k].sources.length > 1 ? "<i>a</i><sub>i</sub>" : sym("a", k + 1, "i");
    return words(`Gradient of layer ${k + 1}: each weight has the &delta; it leads to, times the
      activation that it comes from.`) +
      line(`${partial(C, sym("w", k + 1, "ji"))} = ${sym("&delta;", k + 2, "j")} ${a}`) + bias;
  }
  return words(`Gradient descent: every w becomes w &minus; &epsilon; &part;C/&part;w, with &epsilon; =
    ${fmt(rate)}, and every b likewise. The weight that is chosen:`) + updateLine();
}

function forwardLines(k, j) {
  const layer = model.layers[k], z = values.z[k][j], a = values.a[k + 1][j];
  const sum = layer.W[j].flatMap((w, i) =>
    (isThere(k, j, i) ? [`${times(w)} &middot; ${times(values.entered[k][i])}`] : [])).join(" + ") || "0";
  const bias = layer.b ? ` + ${times(layer.b[j])}` : "";
  const { activation } = k === last() - 1 ? part_of(j) : layer;
  const row = ACTIVATIONS[activation], formula = row && row.f && activation !== "identity"
    ? ` = ${pretty(row.formula)}` : "";
  const f = activation === "mean_and_variance" ? (j - part_of(j).first < part_of(j).n_targets ? "z" : "exp(z)")
    : `${activation}(z)${formula}`;
  return words(`Forward, layer ${k + 1}, unit ${j + 1}: weighted input and activation.`) +
    line(`${sym("z", k + 2, j + 1)} = ${sum}${bias} = <b>${fmt(z)}</b>`) +
    line(`${sym("a", k + 2, j + 1)} = ${f} = <b>${fmt(a)}</b>`);
}

function lossLines() {
  const n = last();
  const rows = parts(model).flatMap((part) => {
    const formula = part.loss === "gaussian_nll" ? "1/2 (log v + (m - y)^2 / v)" : LOSSES[part.loss].formula;
    const title = model.heads ? `${escaped(part.name)}: ${weighted(part, part.loss)}` : part.loss;
    const units = y.slice(part.first_target, part.first_target + part.n_targets).map((one, i) => {
      const [unit, which] = [part.first + i, part.first_target + i + 1];
      const v = part.loss === "gaussian_nll"
        ? `, ${sym("a", n + 1, unit + part.n_targets + 1)} = v = ${fmt(values.a[n][unit + part.n_targets])}` : "";
      return line(`${sym("a", n + 1, unit + 1)} = ${fmt(values.a[n][unit])}${v}, <i>y</i><sub>${which}</sub> = ${fmt(one)}`);
    });
    return [words(`The cost ${title}, a sum over ${model.heads ? "its" : "the"} outputs of ${pretty(formula)}.`), ...units];
  });
  return `${rows.join("")}${line(`${C} = <b>${fmt(values.loss)}</b>`)}`;
}

// Where delta of a unit comes from
function deltaLines(k, j) {
  const isLast = k === last() - 1, part = isLast ? part_of(j) : null, how = isLast ? kind(part) : "hidden";
  const delta = sym("&delta;", k + 2, j + 1), z = sym("z", k + 2, j + 1), a = sym("a", k + 2, j + 1);
  const value = `<b>${fmt(values.delta[k][j])}</b>`;
  if (how === "gaussian" || how === "cancelled") return cancelledLines(part, j, delta, z, value);
  if (how === "coupled") {
    const { first, n } = part, J = jacobian(part.activation, values.a[k + 1].slice(first, first + n));
    const sum = values.dC_da[k].slice(first, first + n)
      .map((one, i) => `${times(one)} &middot; ${times(J[i][j - first])}`).join(" + ");
    return line(`${delta} = &sum;<sub>k</sub> ${partial(C, "<i>a</i><sub>k</sub>")}
      ${partial("<i>a</i><sub>k</sub>", z)} = ${sum} = ${value}`);
  }
  const layer = isLast ? part : model.layers[k];
  const first = isLast ? line(`${partial(C, a)} = ${weighted(part, part.weight === 1 ? pretty(LOSSES[part.loss].slope_formula) : `(${pretty(LOSSES[part.loss].slope_formula)})`)} = ${fmt(values.dC_da[k][j])}
      at a = ${fmt(values.a[k + 1][j])}, y = ${fmt(y[target(part, j)])}`)
    : line(`${partial(C, a)} = ${sumLines(k, j)} = ${fmt(values.dC_da[k][j])}`);
  const formula = pretty(ACTIVATIONS[layer.activation].slope_formula);
  const at = formula === "1" ? " = 1" : ` = ${formula} = ${fmt(values.slope[k][j])} at z = ${fmt(values.z[k][j])},
    a = ${fmt(values.a[k + 1][j])}`;
  return `${first}${line(`${partial(a, z)} = ${layer.activation}&prime;(${z})${at}`)}
    ${line(`${delta} = ${partial(C, a)} &middot; ${partial(a, z)} = ${times(values.dC_da[k][j])} &middot;
    ${times(values.slope[k][j])} = ${value}`)}`;
}

// Sum of w delta over what a hidden unit enters: formula and numbers
function sumLines(k, j) {
  const after = entered_by(model, k + 1, j);
  const sum = after.flatMap(([later, i]) =>
    model.layers[later].W.flatMap((row, unit) => (isThere(later, unit, i)
      ? [`${times(row[i])} &middot; ${times(values.delta[later][unit])}`] : []))).join(" + ") || "0";
  const terms = after.map(([later, i]) => {
    const one = units(later + 1) === 1;
    const w = sym("w", later + 1, one ? pair(1, i + 1) : `i${i < 9 ? "" : ","}${i + 1}`);
    return `${one ? "" : "&sum;<sub>i</sub> "}${w} ${sym("&delta;", later + 2, one ? 1 : "i")}`;
  });
  return `${terms.join(" + ")} = ${sum}`;
}

// Outputs whose delta is one formula
function cancelledLines(part, j, delta, z, value) {
  const n = last(), a = values.a[n], own = y.slice(part.first_target, part.first_target + part.n_targets);
  const which = j - part.first, start = `${delta} = ${partial(C, z)} = `;
  const name = `<i>y</i><sub>${target(part, j) + 1}</sub>`;
  if (part.activation === "mean_and_variance") {
    const isMean = which < part.n_targets, i = isMean ? j : j - part.n_targets;
    const [m, v, one] = [fmt(a[i]), times(a[i + part.n_targets]), times(y[target(part, j)])];
    const formula = isMean ? "(m &minus; y) / v" : "&frac12; (1 &minus; (m &minus; y)<sup>2</sup> / v)";
    const numbers = isMean ? `(${m} &minus; ${one}) / ${v}` : `&frac12; (1 &minus; (${m} &minus; ${one})<sup>2</sup> / ${v})`;
    return line(`${start}${weighted(part, formula)} = ${weighted(part, numbers)} = ${value}`);
  }
  const why = words(`The slopes of loss and ${part.activation} cancel.`);
  if (part.activation !== "softmax" && !LOSSES[part.loss].difference) {
    return line(`${start}${weighted(part, `${partial(C, "a")} ${part.activation}&prime;(${z})`)}, from z = ${fmt(values.z[n - 1][j])}
      alone: ${value}`);
  }
  const isSoft = part.activation === "softmax", sum = isSoft ? total(own) : 1;
  const goal = isSoft ? smoothed(own, part.p)[which] : own[which];
  const isSmooth = isSoft && part.p !== 0, sign = isSmooth ? `${name}&prime;` : name;
  const factor = Math.abs(sum - 1) < 1e-6 ? "" : `${times(sum)} &middot; `;
  const smooth = isSmooth ? words(`With label smoothing ${sign} = (1 &minus; ${fmt(part.p)}) y + ${fmt(part.p)} &middot;
    ${fmt(sum)} / ${own.length} = ${fmt(goal)}.`) : "";
  const numbers = `(${factor}${fmt(a[j])} &minus; ${times(goal)})`, formula = `(${factor}${sym("a", n + 1, j + 1)} &minus; ${sign})`;
  const bare = (text) => (part.weight === 1 ? text.slice(1, -1) : weighted(part, text));
  return line(`${start}${bare(formula)} = ${bare(numbers)} = ${value}`) + why + smooth;
}

function chosenName() {
  const { k, j, i } = chosen;
  return i === null ? sym("b", k + 1, j + 1) : sym("w", k + 1, pair(j + 1, i + 1));
}

function updateLine() {
  const { k, j, i } = chosen, layer = model.layers[k], isBias = i === null, name = chosenName();
  const before = isBias ? layer.b[j] : layer.W[j][i], slope = isBias ? values.db[k][j] : values.dW[k][j][i];
  const after = isBias ? values.b_after[k][j] : values.W_after[k][j][i];
  const own = isBias ? layer.rate_of_b : layer.rate_of_W;
  const factor = own === 1 ? "" : `${fmt(own)} &middot; `;
  return line(`${name} &minus; ${factor}&epsilon; ${partial(C, name)} = ${fmt(before)} &minus; ${factor}${times(rate)} &middot;
    ${times(slope)} = <b>${fmt(after)}</b>`);
}

function showChain() {
  const { k, j, i } = chosen, isBias = i === null, name = chosenName();
  const z = sym("z", k + 2, j + 1), a = sym("a", k + 2, j + 1);
  const from = isBias ? 1 : values.entered[k][i];
  const value = isBias ? values.db[k][j] : values.dW[k][j][i];
  const isOne = k === last() - 1 && kind(part_of(j)) !== "output";
  const whole = isOne ? partial(C, z) : `${partial(C, a)} &middot; ${partial(a, z)}`;
  $("chosen").innerHTML = name;
  $("factors").innerHTML = line(`${partial(C, name)} = ${whole} &middot; ${partial(z, name)}`) + deltaLines(k, j) +
    line(`${partial(z, name)} = ${isBias ? "1" : `${own_a(k, i)} = ${fmt(from)}`}`) +
    line(`${partial(C, name)} = ${sym("&delta;", k + 2, j + 1)} &middot; ${partial(z, name)}
    = ${times(values.delta[k][j])} &middot; ${times(from)} = <b>${fmt(value)}</b>`) +
    words("One step of gradient descent:") + updateLine();
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
