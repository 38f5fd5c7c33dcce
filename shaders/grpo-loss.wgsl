// The objectives of GRPO and its relatives over completion tokens, and their derivative by each token's log-probability.
// With w the token's log-ratio logp − old (or, where `old` holds it already, its sequence's), r = e^w, A the advantage
// and Δ = ref_logp − logp:
//   clip   L = max(−A·min(r, δ), −A·clip(r, low, high)); if A < 0 and dual > 0: min(L, −A·dual)
//   cispo  L = −A·c·logp, c = clip(r, low, high), constant · vespo  L = −A·φ·logp, φ = e^(λ + k·w − λ·r), constant
//   sapo   L = −A·4/τ·σ(τ·(r − 1)); τ, k, λ by the sign of A
//   l = L + kl_coef · kl · (r if kl_by_ratio);  loss = Σ_t weight_t · l_t
// All [T] but advantages [A]; advantage_of[t] < A. A token of weight 0 takes part in nothing.
// A token that is not finite gets dlogp = NaN, so that the step's norm shows it, and is counted.
// Statistics: `loss` and `gap` write a row of sums per workgroup, `finish` adds the rows; fixed order, no atomics.
// Sources and the twin in TypeScript: src/rl/objective.ts. Ratios of sequences: grpo-loss-sequence.wgsl.

struct Params {
  T: u32, A: u32, surrogate: u32, ratio_of: u32, kl_apart: u32, has_ref: u32, has_old: u32, has_sampler: u32,
  has_entropy: u32, kl_type: u32, kl_clamp: u32, kl_by_ratio: u32, accumulate: u32, low: f32, high: f32, dual: f32,
  delta: f32, tau_positive: f32, tau_negative: f32, k_positive: f32, lambda_positive: f32, k_negative: f32,
  lambda_negative: f32, kl_coef: f32,
}

const LANES = 128u;
const LOWEST = -3.4028234e38f;
const MAX_LOG_RATIO = 20.0;
// params.surrogate, and params.ratio_of: what `old` holds
const CISPO = 1u;
const SAPO = 2u;
const VESPO = 3u;
const ON_POLICY = 0u;
const OLD_LOGP = 1u;

@group(0) @binding(0) var<storage, read> logp: array<f32>;
@group(0) @binding(1) var<storage, read> old: array<f32>;  // log-probs, or log-ratios
@group(0) @binding(2) var<storage, read> ref_logp: array<f32>;
@group(0) @binding(3) var<storage, read> advantages: array<f32>;
@group(0) @binding(4) var<storage, read> advantage_of: array<u32>;
@group(0) @binding(5) var<storage, read> weights: array<f32>;
@group(0) @binding(6) var<storage, read_write> dlogp: array<f32>;
@group(0) @binding(7) var<storage, read_write> loss_rows: array<vec4f>;  // [W, 12]
@group(0) @binding(8) var<storage, read> sampler_logp: array<f32>;
@group(0) @binding(9) var<storage, read> entropy: array<f32>;
@group(0) @binding(10) var<storage, read_write> gap_rows: array<vec4f>;  // [W, 4]
@group(0) @binding(11) var<storage, read> loss_sums: array<f32>;         // loss_rows and gap_rows, read
@group(0) @binding(12) var<storage, read> gap_sums: array<f32>;
@group(0) @binding(13) var<storage, read_write> stats: array<f32>;       // [16]: see finish
@group(1) @binding(0) var<uniform> params: Params;

var<workgroup> sums_0: array<vec4f, LANES>;  // loss, policy, kl, tokens
var<workgroup> sums_1: array<vec4f, LANES>;  // clipped low, high, dual, ratio
var<workgroup> sums_2: array<vec4f, LANES>;  // not finite, free; maxima of ratio, −ratio

struct Term { value: f32, slope: f32, is_dual: bool }

// The policy's term of a token without its weight, and its derivative: by the log-ratio, or by logp.
fn policy_term(A: f32, w: f32, ratio: f32, token_logp: f32) -> Term {
  if (params.surrogate == CISPO) {
    let slope = -A * clamp(ratio, params.low, params.high);
    return Term(slope * token_logp, slope, false);
  }
  if (params.surrogate == VESPO) {
    let lambda = select(params.lambda_negative, params.lambda_positive, A >= 0.0);
    let k = select(params.k_negative, params.k_positive, A >= 0.0);
    let slope = -A * exp(lambda + k * w - lambda * ratio);
    return Term(slope * token_logp, slope, false);
  }
  if (params.surrogate == SAPO) {
    let tau = select(params.tau_negative, params.tau_positive, A >= 0.0);
    let gate = sigmoid(tau * (ratio - 1.0));
    let slope = -4.0 * A * gate.value * gate.rest * ratio;
    return Term(-4.0 * A * gate.value / tau, select(slope, 0.0, abs(w) > MAX_LOG_RATIO), false);
  }
  let capped = select(ratio, min(ratio, params.delta), params.delta > 0.0);
  let unclipped = -A * capped;
  let clipped = -A * clamp(ratio, params.low, params.high);
  let value = max(unclipped, clipped);
  if (params.dual > 0.0 && A < 0.0 && value > -A * params.dual) { return Term(-A * params.dual, 0.0, true); }
  let is_flat = unclipped < clipped || ratio > capped || abs(w) > MAX_LOG_RATIO;
  return Term(value, select(-A * ratio, 0.0, is_flat), false);
}

@compute @workgroup_size(LANES)
fn loss(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) lane: u32) {
  let block = group.y * groups.x + group.x;
  let t = block * LANES + lane;
  var row_0 = vec4f(0.0);
  var row_1 = vec4f(0.0);
  var row_2 = vec4f(0.0, 0.0, LOWEST, LOWEST);
  if (t < params.T) {
    let weight = weights[t];
    var slope = 0.0;
    if (weight != 0.0) {
      let A = advantages[advantage_of[t]];
      var w = 0.0;
      if (params.ratio_of == OLD_LOGP) { w = logp[t] - old[t]; } else if (params.ratio_of != ON_POLICY) { w = old[t]; }
      let ratio = exp(clamp(w, -MAX_LOG_RATIO, MAX_LOG_RATIO));
      let policy = policy_term(A, w, ratio, logp[t]);
      var kl = Estimate(0.0, 0.0);
      if (params.has_ref != 0) { kl = kl_estimate(ref_logp[t] - logp[t], params.kl_type, params.kl_clamp); }
      if (params.kl_by_ratio != 0) {
        kl.slope = ratio * (kl.slope + select(kl.value, 0.0, abs(w) > MAX_LOG_RATIO));
        kl.value *= ratio;
      }
      let l = policy.value + params.kl_coef * kl.value;
      slope = weight * (policy.slope + params.kl_coef * kl.slope);
      let lost = !(is_finite(logp[t]) && is_finite(w) && is_finite(l) && is_finite(slope));
      if (params.kl_apart != 0) { slope = weight * policy.slope; }
      if (lost) { slope = quiet_nan(t); }
      row_0 = vec4f(weight * l, weight * policy.value, kl.value, 1.0);
      let clips = params.surrogate <= CISPO;
      row_1 = vec4f(select(0.0, 1.0, clips && ratio < params.low && A < 0.0),
                    select(0.0, 1.0, clips && ratio > params.high && A > 0.0), select(0.0, 1.0, policy.is_dual), ratio);
      row_2 = vec4f(select(0.0, 1.0, lost), 0.0, ratio, -ratio);
    }
    dlogp[t] = slope;
  }
  sums_0[lane] = row_0;
  sums_1[lane] = row_1;
  sums_2[lane] = row_2;
  for (var half = LANES / 2; half > 0; half /= 2) {
    workgroupBarrier();
    if (lane < half) {
      sums_0[lane] += sums_0[lane + half];
      sums_1[lane] += sums_1[lane + half];
      let a = sums_2[lane];
      let b = sums_2[lane + half];
      sums_2[lane] = vec4f(a.xy + b.xy, max(a.zw, b.zw));
    }
  }
  if (lane == 0 && block * LANES < params.T) {
    loss_rows[block * 3] = sums_0[0];
    loss_rows[block * 3 + 1] = sums_1[0];
    loss_rows[block * 3 + 2] = sums_2[0];
  }
}

// How far the sampler's log-probs are from the trainer's, the entropy, and how far the policy is from the one that
// sampled: sums of |difference| and entropy, the largest |difference|, and the sum of old − logp.
@compute @workgroup_size(LANES)
fn gap(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
       @builtin(local_invocation_index) lane: u32) {
  let block = group.y * groups.x + group.x;
  let t = block * LANES + lane;
  var row = vec4f(0.0);
  if (t < params.T && weights[min(t, params.T - 1)] != 0.0) {
    if (params.has_sampler != 0) {
      let difference = abs(logp[t] - sampler_logp[t]);
      row.x = difference;
      row.z = difference;
    }
    if (params.has_entropy != 0) { row.y = entropy[t]; }
    if (params.has_old != 0) { row.w = old[t] - logp[t]; }
  }
  sums_0[lane] = row;
  for (var half = LANES / 2; half > 0; half /= 2) {
    workgroupBarrier();
    if (lane < half) {
      let a = sums_0[lane];
      let b = sums_0[lane + half];
      sums_0[lane] = vec4f(a.xy + b.xy, max(a.z, b.z), a.w + b.w);
    }
  }
  if (lane == 0 && block * LANES < params.T) { gap_rows[block] = sums_0[0]; }
}

// stats: 0 loss, 1 policy loss, 2 kl, 3 tokens, 4-6 clipped low, high, dual, 7 ratio, 8 not finite: sums;
// 10 ratio, 11 −ratio: maxima; 12 |difference|, 13 entropy: sums; 14 |difference|: maximum; 15 old − logp: sum.
// Lane i owns number i.
@compute @workgroup_size(16)
fn finish(@builtin(local_invocation_index) i: u32) {
  let is_max = i == 10 || i == 11 || i == 14;
  let blocks = (params.T + LANES - 1) / LANES;
  var total = select(0.0, LOWEST, is_max && i != 14);
  if (params.accumulate != 0) { total = stats[i]; }
  for (var block = 0u; block < blocks; block++) {
    var value = 0.0;
    if (i < 12) { value = loss_sums[block * 12 + i]; } else { value = gap_sums[block * 4 + i - 12]; }
    total = select(total + value, max(total, value), is_max);
  }
  stats[i] = total;
}
