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
  tanh: Math.tanh,
  magnitude: Math.abs,
  root: Math.sqrt,
  sin: Math.sin,
  cos: Math.cos,
  clipped: (x, low, high) => (x < low ? low : x > high ? high : x),
  normal: (x, bell) => {
    // with t = |x|: P = 1/2 + bell (t + t^3/3 + t^5/15 + ...) / sqrt(2 pi), or far from 0
    // the continued fraction Q = bell / sqrt(2 pi) / (t + 1 / (t + 2 / (t + 3 / ...)))
    const t = Math.abs(x), density = bell / Math.sqrt(2 * Math.PI);
    if (t > 3.5) {
      let fraction = t;
      for (let k = 120; k > 0; k--) fraction = t + k / fraction;
      return x < 0 ? density / fraction : 1 - density / fraction;
    }
    let term = t, sum = t;
    for (let k = 3; term > 1e-18 * sum; k += 2) sum += term *= (t * t) / k;
    return x < 0 ? 0.5 - density * sum : 0.5 + density * sum;
  },
};

//FUNCTIONS//

const total = (values) => values.reduce((sum, value) => sum + value, 0);

// a = f(z) of a layer
function activate(layer, z) {
  if (layer.activation === "softmax" || layer.activation === "log_softmax") {
    const top = Math.max(...z), e = z.map((one) => Math.exp(one - top)), sum = total(e);
    if (layer.activation === "softmax") return e.map((one) => one / sum);
    return z.map((one) => one - top - Math.log(sum));
  }
  return z.map((one) => ACTIVATIONS[layer.activation].f(one, layer.alpha));
}

// da_k/dz_j of softmax and log_softmax, as J[k][j]
function jacobian(layer, a) {
  return a.map((ak, k) =>
    a.map((aj, j) =>
      layer.activation === "softmax" ? ak * ((j === k) - aj) : (j === k) - Math.exp(aj)));
}

// How delta of the outputs comes about: "cancelled", "coupled" or "output"
function kind(model) {
  const activation = model.layers[model.layers.length - 1].activation, loss = LOSSES[model.loss];
  if (activation === "softmax" && loss.with_softmax) return "cancelled";
  if (activation === loss.partner && loss.logits_value) return "cancelled";
  return ACTIVATIONS[activation].slope ? "output" : "coupled";
}

// Loss, dC/da (null where it cancels) and delta of the outputs
function outputs(model, z, a, y) {
  const layer = model.layers[model.layers.length - 1], loss = LOSSES[model.loss], p = model.p;
  if (kind(model) === "cancelled") {
    if (layer.activation !== "softmax") {
      return {
        loss: total(z.map((one, j) => loss.logits_value(one, y[j], p))),
        dC_da: null,
        delta: z.map((one, j) => loss.logits_delta(one, a[j], y[j], p)),
      };
    }
    const top = Math.max(...z), sum_y = total(y);
    const log_sum = top + Math.log(total(z.map((one) => Math.exp(one - top))));
    const smooth = y.map((one) => (1 - p) * one + (p * sum_y) / y.length);
    const rest = model.loss === "kullback_leibler"
      ? total(y.map((one) => (one > 0 ? one * Math.log(one) : 0))) : 0;
    return {
      loss: total(smooth.map((one, j) => one * (log_sum - z[j]))) + rest,
      dC_da: null,
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
  if (kind(model) === "coupled") {
    const J = jacobian(layer, a);
    const delta = a.map((_, j) => total(dC_da.map((slope, k) => slope * J[k][j])));
    return { loss: value, dC_da, delta };
  }
  const slope = ACTIVATIONS[layer.activation].slope;
  const delta = dC_da.map((one, j) => one * slope(z[j], a[j], layer.alpha));
  return { loss: value, dC_da, delta };
}

// Everything that one step of gradient descent computes
function compute(model, x, y, rate) {
  const n = model.layers.length, a = [x], z = [], slope = [];
  for (const layer of model.layers) {
    const before = a[a.length - 1];
    const sums = layer.W.map((row, j) =>
      total(row.map((w, i) => w * before[i])) + (layer.b ? layer.b[j] : 0));
    z.push(sums);
    a.push(activate(layer, sums));
    const of_unit = ACTIVATIONS[layer.activation].slope;
    const out = a[a.length - 1];
    slope.push(of_unit ? sums.map((one, j) => of_unit(one, out[j], layer.alpha)) : null);
  }
  const last = outputs(model, z[n - 1], a[n], y), delta = Array(n), dC_da = Array(n);
  delta[n - 1] = last.delta;
  dC_da[n - 1] = last.dC_da;
  for (let k = n - 2; k >= 0; k--) {
    const next = model.layers[k + 1];
    dC_da[k] = a[k + 1].map((_, i) => total(next.W.map((row, j) => row[i] * delta[k + 1][j])));
    delta[k] = dC_da[k].map((one, i) => one * slope[k][i]);
  }
  const dW = model.layers.map((layer, k) =>
    layer.W.map((row, j) =>
      row.map((_, i) => (layer.mask && !layer.mask[j][i] ? 0 : delta[k][j] * a[k][i]))));
  const db = model.layers.map((layer, k) => (layer.b ? delta[k].slice() : null));
  const W_after = model.layers.map((layer, k) =>
    layer.W.map((row, j) => row.map((w, i) => w - rate * layer.rate_of_W * dW[k][j][i])));
  const b_after = model.layers.map((layer, k) =>
    layer.b ? layer.b.map((b, j) => b - rate * layer.rate_of_b * db[k][j]) : null);
  return { z, a, slope, loss: last.loss, dC_da, delta, dW, db, W_after, b_after };
}
