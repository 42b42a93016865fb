// The arithmetic of the page: one step of gradient descent on one sample, in float64.

const m = {
  epsilon: 2 ** -52,
  exp: Math.exp,
  exp_of_negative: Math.exp,
  expm1_of_negative: Math.expm1,
  exp_of_square: (x, c) => Math.exp(c * x * x),
  log: Math.log,
  log1p: Math.log1p,
  log1p_of_fraction: Math.log1p,
  logistic: (x) => {
    const e = Math.exp(-Math.abs(x));
    return (x >= 0 ? 1 : e) / (1 + e);
  },
  gated: (w, x) => (x < -708 ? 0 : w / (1 + Math.exp(-x))),
  tanh: Math.tanh,
  lecun_tanh: (x) => 1.7159 * Math.tanh((x * 2) / 3),
  mish: (x) => {
    const e = Math.exp(m.clipped(x, -1e4, 20)), n = e * (e + 2);
    return Math.max(x, -1e4) * (n / (n + 2));
  },
  magnitude: Math.abs,
  root: Math.sqrt,
  sin: Math.sin,
  cos: Math.cos,
  clipped: (x, low, high) => (x < low ? low : x > high ? high : x),
  normal: (x) => {
    // with t = |x|: P = 1/2 + bell (t + t^3/3 + t^5/15 + ...) / sqrt(2 pi), or far from 0
    // the continued fraction Q = bell / sqrt(2 pi) / (t + 1 / (t + 2 / (t + 3 / ...)))
    const t = Math.abs(x), bell = Math.exp(-0.5 * x * x), density = bell / Math.sqrt(2 * Math.PI);
    if (t > 3.5) {
      let fraction = t;
      for (let k = 120; k > 0; k--) fraction = t + k / fraction;
      return x < 0 ? density / fraction : 1 - density / fraction;
    }
    let term = t, sum = t;
    for (let k = 3; term > 1e-18 * sum; k += 2) sum += term *= (t * t) / k;
    return x < 0 ? 0.5 - density * sum : 0.5 + density * sum;
  },
  times_normal: (x) => (x < -1e4 ? 0 : x * m.normal(x)),
};

//FUNCTIONS//

const total = (values) => values.reduce((sum, value) => sum + value, 0);

// Kinds of outputs: one, or one per head, with the columns of its units and targets
function parts(model) {
  if (model.heads) return model.heads;
  const { activation, alpha, W } = model.layers[model.layers.length - 1], n = W.length;
  const { loss, p } = model;
  return [{ activation, alpha, loss, p, weight: 1, first: 0, n, first_target: 0, n_targets: n }];
}

// a = f(z) of a layer, or of outputs of one kind
function activate({ activation, alpha }, z) {
  if (activation === "softmax" || activation === "log_softmax") {
    const top = Math.max(...z), e = z.map((one) => Math.exp(one - top)), sum = total(e);
    if (activation === "softmax") return e.map((one) => one / sum);
    return z.map((one) => one - top - Math.log(sum));
  }
  // means, then variances
  if (activation === "mean_and_variance") return z.map((one, j) => (2 * j < z.length ? one : Math.exp(one)));
  return z.map((one) => ACTIVATIONS[activation].f(one, alpha));
}

// f'(z) of its units; null where they depend on every z
function slopes({ activation, alpha }, z, a) {
  if (activation === "mean_and_variance") return a.map((one, j) => (2 * j < a.length ? 1 : one));
  const slope = ACTIVATIONS[activation].slope;
  return z.map((one, j) => (slope ? slope(one, a[j], alpha) : null));
}

// da_k/dz_j of softmax and log_softmax, as J[k][j]
function jacobian(activation, a) {
  return a.map((ak, k) =>
    a.map((aj, j) => (activation === "softmax" ? ak * ((j === k) - aj) : (j === k) - Math.exp(aj))));
}

// How delta of outputs comes about: "gaussian", "cancelled", "coupled" or "output"
function kind({ activation, loss }) {
  if (activation === "mean_and_variance") return "gaussian";
  const row = LOSSES[loss];
  if (activation === "softmax" && row.with_softmax) return "cancelled";
  if (activation === row.partner && row.logits_value) return "cancelled";
  return ACTIVATIONS[activation].slope ? "output" : "coupled";
}

// Targets that label smoothing has made of y
const smoothed = (y, p) => y.map((one) => (1 - p) * one + (p * total(y)) / y.length);

// Loss, dC/da (null where it cancels) and delta of outputs of one kind, without their weight
function outputs(part, z, a, y) {
  const loss = LOSSES[part.loss], p = part.p, how = kind(part), none = a.map(() => null);
  if (how === "gaussian") {
    // 1/2 (log v + (m - y)^2 / v), with z = log v
    const n = y.length, terms = y.map((one, j) => (a[j] - one) ** 2 / a[n + j]);
    const means = y.map((one, j) => (a[j] - one) / a[n + j]);
    return {
      loss: total(terms.map((one, j) => 0.5 * (z[n + j] + one))),
      dC_da: [...means, ...terms.map((one, j) => (1 - one) / (2 * a[n + j]))],
      delta: [...means, ...terms.map((one) => 0.5 * (1 - one))],
    };
  }
  if (how === "cancelled") {
    if (part.activation !== "softmax") {
      return {
        loss: total(z.map((one, j) => loss.logits_value(one, y[j], p))),
        dC_da: none,
        delta: z.map((one, j) => loss.logits_delta(one, a[j], y[j], p)),
      };
    }
    const top = Math.max(...z), sum_y = total(y), smooth = smoothed(y, p);
    const log_sum = top + Math.log(total(z.map((one) => Math.exp(one - top))));
    const rest = part.loss === "kullback_leibler"
      ? total(y.map((one) => (one > 0 ? one * Math.log(one) : 0))) : 0;
    return {
      loss: total(smooth.map((one, j) => one * (log_sum - z[j]))) + rest,
      dC_da: none,
      delta: a.map((one, j) => sum_y * one - smooth[j]),
    };
  }
  let value = total(a.map((one, j) => loss.value(one, y[j], p)));
  let dC_da = a.map((one, j) => loss.slope(one, y[j], p));
  if (loss.outer) {
    const [outer, slope] = loss.outer(value, p);
    value = outer;
    dC_da = dC_da.map((one) => one * slope);
  }
  if (how === "coupled") {
    const J = jacobian(part.activation, a);
    const delta = a.map((_, j) => total(dC_da.map((slope, k) => slope * J[k][j])));
    return { loss: value, dC_da, delta };
  }
  const slope = slopes(part, z, a);
  return { loss: value, dC_da, delta: dC_da.map((one, j) => one * slope[j]) };
}

// The same of all outputs
function all_outputs(model, z, a, y) {
  const found = { loss: 0, dC_da: [], delta: [] };
  for (const part of parts(model)) {
    const of = (values) => values.slice(part.first, part.first + part.n);
    const target = y.slice(part.first_target, part.first_target + part.n_targets);
    const own = outputs(part, of(z), of(a), target);
    found.loss += part.weight * own.loss;
    found.dC_da.push(...own.dC_da.map((one) => (one === null ? null : part.weight * one)));
    found.delta.push(...own.delta.map((one) => part.weight * one));
  }
  return found;
}

// Level and unit, from 0, that column i of W of layer k comes from
function origin(model, k, i) {
  for (const level of model.layers[k].sources) {
    const n = level ? model.layers[level - 1].W.length : model.layers[0].W[0].length;
    if (i < n) return [level, i];
    i -= n;
  }
  return null;
}

// [layer, column] of every W that a unit enters
function entered_by(model, level, unit) {
  return model.layers.flatMap((layer, k) => {
    const column = layer.W[0].findIndex((_, i) => {
      const [from, which] = origin(model, k, i);
      return from === level && which === unit;
    });
    return column < 0 ? [] : [[k, column]];
  });
}

// Everything that one step of gradient descent computes
function compute(model, x, y, rate) {
  const n = model.layers.length, a = [x], z = [], slope = [], entered = [];
  model.layers.forEach((layer, k) => {
    entered.push(layer.sources.flatMap((level) => a[level]));
    const sums = layer.W.map((row, j) =>
      total(row.map((w, i) => w * entered[k][i])) + (layer.b ? layer.b[j] : 0));
    const kinds = k < n - 1 ? [{ ...layer, first: 0, n: layer.W.length }] : parts(model);
    const of = (part, values) => values.slice(part.first, part.first + part.n);
    z.push(sums);
    a.push(kinds.flatMap((part) => activate(part, of(part, sums))));
    const own = kinds.flatMap((part) => slopes(part, of(part, sums), of(part, a[k + 1])));
    slope.push(own.every((one) => one === null) ? null : own);
  });
  const last = all_outputs(model, z[n - 1], a[n], y), delta = Array(n), dC_da = Array(n);
  delta[n - 1] = last.delta;
  dC_da[n - 1] = last.dC_da;
  for (let k = n - 2; k >= 0; k--) {
    dC_da[k] = a[k + 1].map((_, unit) =>
      total(entered_by(model, k + 1, unit).flatMap(([later, i]) =>
        model.layers[later].W.map((row, j) => row[i] * delta[later][j]))));
    delta[k] = dC_da[k].map((one, j) => one * slope[k][j]);
  }
  const dW = model.layers.map((layer, k) =>
    layer.W.map((row, j) =>
      row.map((_, i) => (layer.mask && !layer.mask[j][i] ? 0 : delta[k][j] * entered[k][i]))));
  const db = model.layers.map((layer, k) => (layer.b ? delta[k].slice() : null));
  const W_after = model.layers.map((layer, k) =>
    layer.W.map((row, j) => row.map((w, i) => w - rate * layer.rate_of_W * dW[k][j][i])));
  const b_after = model.layers.map((layer, k) =>
    layer.b ? layer.b.map((b, j) => b - rate * layer.rate_of_b * db[k][j]) : null);
  return { z, a, entered, slope, loss: last.loss, dC_da, delta, dW, db, W_after, b_after };
}
