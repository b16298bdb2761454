// A variational autoencoder in plain JavaScript, graded on the conformance vectors of vae_np:
//
//     vae-np verify --cmd "node scripts/verify/node/vae.js"
//
// Node alone is needed, no packages. It is an example of a program that is not Python: the forward pass of dense
// encoders and decoders, KL, Bernoulli and Gaussian likelihoods, the ELBO, the loss, and every gradient by hand. What
// it does not do it skips: the continuous Bernoulli, importance weights, free bits, Adam. The protocol, a JSON object
// a line in and out, is at the end of this file, and in vae_np/conformance/data/FORMAT.md.
//
// Arrays are lists of rows: N examples, D features, K latent dimensions, S samples. A layer is x W + b, with W of
// (fan_in, fan_out).
"use strict";

const LOG_2PI = Math.log(2 * Math.PI);
const sum = (values) => values.reduce((a, b) => a + b, 0);
const mapRows = (f, ...arrays) => arrays[0].map((row, n) => row.map((_, d) => f(...arrays.map((a) => a[n][d]), n, d)));
const sumRows = (rows) => rows[0].map((_, d) => sum(rows.map((row) => row[d])));

// ---- activations: h = f(a), and the derivative of f from a and h

const softplus = (a) => Math.max(a, 0) + Math.log1p(Math.exp(-Math.abs(a)));
const sigmoid = (a) => (a >= 0 ? 1 / (1 + Math.exp(-a)) : Math.exp(a) / (1 + Math.exp(a)));
const phi = (a) => Math.exp(-0.5 * a * a) / Math.sqrt(2 * Math.PI);

/** The normal distribution, 1/2 + phi(a) (a + a^3/3 + a^5/(3 5) + ...): good for |a| < 8, as these models need it. */
function Phi(a) {
  let term = a;
  let series = a;
  for (let n = 3; Math.abs(term) > 1e-18 * Math.abs(series); n += 2) {
    term *= (a * a) / n;
    series += term;
  }
  return 0.5 + phi(a) * series;
}

const ACTIVATIONS = {
  identity: { f: (a) => a, slope: () => 1 },
  relu: { f: (a) => Math.max(a, 0), slope: (a) => (a > 0 ? 1 : 0) },
  tanh: { f: Math.tanh, slope: (a, h) => 1 - h * h },
  sigmoid: { f: sigmoid, slope: (a, h) => h * (1 - h) },
  softplus: { f: softplus, slope: sigmoid },
  elu: { f: (a) => (a > 0 ? a : Math.expm1(a)), slope: (a) => (a > 0 ? 1 : Math.exp(a)) },
  gelu: { f: (a) => a * Phi(a), slope: (a) => Phi(a) + a * phi(a) },
};

// ---- dense layers

const dense = (x, W, b) => x.map((row) => b.map((bias, j) => bias + sum(row.map((value, i) => value * W[i][j]))));

/** Gradients of a layer: dx = da W', dW = x' da, db = sum of da. */
function denseBackward(da, x, W) {
  const dx = da.map((row) => W.map((weights) => sum(weights.map((w, j) => w * row[j]))));
  const dW = W.map((weights, i) => weights.map((_, j) => sum(x.map((row, n) => row[i] * da[n][j]))));
  return { dx, dW, db: sumRows(da) };
}

/** Hidden layers NAME.0, NAME.1, ...: of each its input, a and h. */
function hiddenLayers(name, x, count, theta, activation) {
  const layers = [];
  for (let i = 0; i < count; i++) {
    const a = dense(x, theta[`${name}.${i}.W`], theta[`${name}.${i}.b`]);
    const h = mapRows(activation.f, a);
    layers.push({ x, a, h });
    x = h;
  }
  return { layers, last: x };
}

/** The derivative to their input; the weights' are added to gradients. */
function hiddenBackward(name, dh, layers, theta, activation, gradients) {
  for (let i = layers.length - 1; i >= 0; i--) {
    const { x, a, h } = layers[i];
    const da = mapRows((d, a_, h_) => d * activation.slope(a_, h_), dh, a, h);
    dh = layerBackward(`${name}.${i}`, da, x, theta, gradients);
  }
  return dh;
}

/** The derivative to one layer's input; W's and b's are added to gradients. */
function layerBackward(name, da, x, theta, gradients) {
  const { dx, dW, db } = denseBackward(da, x, theta[`${name}.W`]);
  const W = gradients[`${name}.W`];
  const b = gradients[`${name}.b`];
  gradients[`${name}.W`] = W ? mapRows((p, q) => p + q, W, dW) : dW;
  gradients[`${name}.b`] = b ? b.map((p, j) => p + db[j]) : db;
  return dx;
}

// ---- the latent variable

const reparameterise = (mu, logvar, eps) => mapRows((m, s, e) => m + Math.exp(0.5 * s) * e, mu, logvar, eps);

/** KL(N(mu, e^s) || N(0, 1)) of a dimension; expm1, for e^s - 1 - s cancels near the prior. */
const klTerm = (m, s) => 0.5 * (m * m + (Math.expm1(s) - s));

const logNormal = (value, m, s) => -0.5 * (LOG_2PI + s + (value - m) ** 2 * Math.exp(-s));

// ---- likelihoods: log p(x_d | raw), and its derivatives to raw and to the log-variance

/** A Gaussian with means raw; where its log-variances s(raw, n, d) come from depends on the likelihood. */
const gaussian = (s) => ({
  logDensity: (x, raw) => mapRows((v, n, d) => logNormal(v, raw[n][d], s(raw, n, d)), x),
  dMeans: (x, raw) => mapRows((v, n, d) => (v - raw[n][d]) * Math.exp(-s(raw, n, d)), x),
  dLogvar: (x, raw) => mapRows((v, n, d) => 0.5 * ((v - raw[n][d]) ** 2 * Math.exp(-s(raw, n, d)) - 1), x),
});

/** logDensity and dRaw, and dOwn if the likelihood has a log-variance of its own; null if there is no such one here. */
function likelihoodOf(settings, own, features) {
  if (settings.likelihood === "bernoulli") {
    return {
      logDensity: (x, raw) => mapRows((v, a) => v * a - softplus(a), x, raw),
      dRaw: (x, raw) => mapRows((v, a) => v - sigmoid(a), x, raw),
    };
  }
  if (settings.likelihood === "gaussian-fixed") {
    const g = gaussian(() => 2 * Math.log(Number(settings.sigma)));
    return { logDensity: g.logDensity, dRaw: g.dMeans };
  }
  if (settings.likelihood === "gaussian-learned") {
    const g = gaussian(() => own[0]);
    return { logDensity: g.logDensity, dRaw: g.dMeans, dOwn: (x, raw) => [sum(sumRows(g.dLogvar(x, raw)))] };
  }
  if (settings.likelihood === "gaussian-per-feature") {
    const g = gaussian((raw, n, d) => own[d]);
    return { logDensity: g.logDensity, dRaw: g.dMeans, dOwn: (x, raw) => sumRows(g.dLogvar(x, raw)) };
  }
  if (settings.likelihood === "gaussian-heteroscedastic") {
    const g = gaussian((raw, n, d) => raw[n][features + d]);
    const both = (means, logvars) => means.map((row, n) => [...row, ...logvars[n]]);
    return { logDensity: g.logDensity, dRaw: (x, raw) => both(g.dMeans(x, raw), g.dLogvar(x, raw)) };
  }
  return null;
}

// ---- the whole model: loss = -(mean over n of (mean over s of log p(x|z)) - beta KL)

function model({ settings, inputs }) {
  const { x, eps } = inputs;
  const f = ACTIVATIONS[settings.activation];
  const p = likelihoodOf(settings, inputs["likelihood.logvar"], settings.features);
  if (settings.objective !== "elbo" || settings.free_bits || !p || !f) {
    return null;
  }
  const beta = Number(settings.beta);
  const [N, S] = [x.length, eps.length];
  const stages = {};

  const encoder = hiddenLayers("encoder", x, settings.hidden.length, inputs, f);
  encoder.layers.forEach((layer, i) => (stages[`encoder.${i}.h`] = layer.h));
  const mu = dense(encoder.last, inputs["encoder.mu.W"], inputs["encoder.mu.b"]);
  const logvar = dense(encoder.last, inputs["encoder.logvar.W"], inputs["encoder.logvar.b"]);
  const z = eps.map((noise) => reparameterise(mu, logvar, noise));
  const decoders = z.map((sample) => hiddenLayers("decoder", sample, settings.decoder_hidden.length, inputs, f));
  settings.decoder_hidden.forEach((_, i) => (stages[`decoder.${i}.h`] = decoders.map((d) => d.layers[i].h)));
  const raw = decoders.map((d) => dense(d.last, inputs["decoder.out.W"], inputs["decoder.out.b"]));
  const logLikelihood = raw.map((r) => p.logDensity(x, r).map(sum));
  const kl = mapRows(klTerm, mu, logvar).map(sum);
  const bound = kl.map((divergence, n) => sum(logLikelihood.map((row) => row[n])) / S - beta * divergence);
  Object.assign(stages, { mu, logvar, z, raw, log_likelihood: logLikelihood, kl, bound, loss: -sum(bound) / N });
  stages.log_prior = z.map((sample) => mapRows((value) => logNormal(value, 0, 0), sample).map(sum));
  const logPosterior = (e, n, k) => logNormal(e, 0, 0) - logvar[n][k] / 2;
  stages.log_posterior = eps.map((noise) => mapRows(logPosterior, noise).map(sum));

  // backward: each line the mirror of one above
  const gradients = {};
  const dRaw = raw.map((r) => mapRows((d) => -d / (N * S), p.dRaw(x, r)));
  if (p.dOwn) {
    gradients["likelihood.logvar"] = sumRows(raw.map((r) => p.dOwn(x, r).map((d) => -d / (N * S))));
  }
  const dZ = decoders.map((d, s) => {
    const dLast = layerBackward("decoder.out", dRaw[s], d.last, inputs, gradients);
    return hiddenBackward("decoder", dLast, d.layers, inputs, f, gradients);
  });
  const dMu = mapRows((m, n, k) => sum(dZ.map((d) => d[n][k])) + (beta * m) / N, mu);
  const path = (n, k) => sum(dZ.map((d, s) => d[n][k] * eps[s][n][k]));
  const slope = (v, n, k) => 0.5 * Math.exp(0.5 * v) * path(n, k) + (0.5 * beta * Math.expm1(v)) / N;
  const dLogvar = mapRows(slope, logvar);
  const throughMu = layerBackward("encoder.mu", dMu, encoder.last, inputs, gradients);
  const throughLogvar = layerBackward("encoder.logvar", dLogvar, encoder.last, inputs, gradients);
  const dLast = mapRows((a, b) => a + b, throughMu, throughLogvar);
  hiddenBackward("encoder", dLast, encoder.layers, inputs, f, gradients);
  Object.assign(stages, { d_raw: dRaw, d_z: dZ, d_mu: dMu, d_logvar: dLogvar });
  Object.entries(gradients).forEach(([name, value]) => (stages[`d_${name}`] = value));
  return stages;
}

// ---- the single functions

const KINDS = {
  model,
  kl({ inputs: { mu, logvar } }) {
    const d_logvar = mapRows((s) => 0.5 * Math.expm1(s), logvar);
    return { kl: mapRows(klTerm, mu, logvar).map(sum), d_mu: mu, d_logvar };
  },
  reparameterise({ inputs: { mu, logvar, eps, d_z } }) {
    const d_logvar = mapRows((d, s, e) => 0.5 * d * Math.exp(0.5 * s) * e, d_z, logvar, eps);
    return { z: reparameterise(mu, logvar, eps), d_mu: d_z, d_logvar };
  },
  likelihood({ settings, inputs: { x, raw, "likelihood.logvar": own } }) {
    const p = likelihoodOf(settings, own, x[0].length);
    const found = p && { log_density: p.logDensity(x, raw), d_raw: p.dRaw(x, raw) };
    return p && p.dOwn ? { ...found, "d_likelihood.logvar": p.dOwn(x, raw) } : found;
  },
};

// ---- the protocol: a request a line, an answer a line. JSON.stringify writes NaN as null, which is taken for NaN.

function answer(line) {
  const request = JSON.parse(line);
  const { id, kind, settings } = request;
  try {
    const stages = KINDS[kind] ? KINDS[kind](request) : null;
    const what = [kind, settings.objective, settings.likelihood].filter(Boolean).join(" ");
    return stages ? { id, stages } : { id, skip: `no ${what}` };
  } catch (error) {
    return { id, error: String(error) };
  }
}

const lines = require("readline").createInterface({ input: process.stdin, crlfDelay: Infinity });
lines.on("line", (line) => process.stdout.write(`${JSON.stringify(answer(line))}\n`));
