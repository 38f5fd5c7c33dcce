// GRPO's objective over completion tokens and its derivative by each token's log-probability. With d = logp − old_logp,
// r = e^d, A the advantage of the token's sequence and Δ = ref_logp − logp:
//   policy = max(−A·min(r, δ), −A·clip(r, low, high)); if A < 0 and dual > 0: min(policy, −A·dual)
//   l = policy + kl_coef · kl,  kl = −Δ (k1) | Δ²/2 (k2) | e^Δ − Δ − 1 (k3);  loss = Σ_t weight_t · l_t
// All [T] but advantages [S]; sequence[t] < S. A token of weight 0 takes part in nothing. on_policy: old_logp is logp.
// A token that is not finite gets dlogp = NaN, so that the step's norm shows it, and is counted.
// Statistics: `loss` and `gap` write a row of sums per workgroup, `finish` adds the rows; fixed order, no atomics.
// Sources and the twin in TypeScript: src/rl/objective.ts.

struct Params {
  T: u32, S: u32, on_policy: u32, has_ref: u32, has_sampler: u32, has_entropy: u32, kl_type: u32, kl_clamp: u32,
  accumulate: u32, low: f32, high: f32, dual: f32, delta: f32, kl_coef: f32,
}

const LANES = 128u;
const LOWEST = -3.4028234e38f;
const MAX_LOG_RATIO = 20.0;
const MAX_KL = 10.0;

@group(0) @binding(0) var<storage, read> logp: array<f32>;
@group(0) @binding(1) var<storage, read> old_logp: array<f32>;
@group(0) @binding(2) var<storage, read> ref_logp: array<f32>;
@group(0) @binding(3) var<storage, read> advantages: array<f32>;
@group(0) @binding(4) var<storage, read> sequence: array<u32>;
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

struct Estimate { value: f32, slope: f32 }

// The estimate of KL(policy ‖ reference) from one token, and its derivative by logp.
fn kl_estimate(delta: f32) -> Estimate {
  if (params.kl_type == 1) { return Estimate(-delta, 1.0); }
  if (params.kl_type == 2) { return Estimate(0.5 * delta * delta, -delta); }
  let y = select(delta, clamp(delta, -MAX_LOG_RATIO, MAX_LOG_RATIO), params.kl_clamp != 0);
  // Near 0 the difference would cancel: the series of e^y − y − 1 instead, good to an ulp for |y| < 1/2.
  var k3 = exp(y) - y - 1.0;
  if (abs(y) < 0.5) {
    k3 = y * y * (0.5 + y * (1.0 / 6.0 + y * (1.0 / 24.0 + y * (1.0 / 120.0 + y * (1.0 / 720.0 +
      y * (1.0 / 5040.0 + y * (1.0 / 40320.0 + y / 362880.0)))))));
  }
  if (params.kl_clamp != 0 && (y != delta || k3 > MAX_KL)) { return Estimate(min(k3, MAX_KL), 0.0); }
  return Estimate(k3, -(k3 + y));
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
      let A = advantages[sequence[t]];
      var d = 0.0;
      if (params.on_policy == 0) { d = logp[t] - old_logp[t]; }
      let ratio = exp(clamp(d, -MAX_LOG_RATIO, MAX_LOG_RATIO));
      let capped = select(ratio, min(ratio, params.delta), params.delta > 0.0);
      let unclipped = -A * capped;
      let clipped = -A * clamp(ratio, params.low, params.high);
      var policy = max(unclipped, clipped);
      let is_flat = unclipped < clipped || ratio > capped || abs(d) > MAX_LOG_RATIO;
      slope = select(-A * ratio, 0.0, is_flat);
      let is_dual = params.dual > 0.0 && A < 0.0 && policy > -A * params.dual;
      if (is_dual) { policy = -A * params.dual; slope = 0.0; }
      var kl = Estimate(0.0, 0.0);
      if (params.has_ref != 0) { kl = kl_estimate(ref_logp[t] - logp[t]); }
      let l = policy + params.kl_coef * kl.value;
      slope = weight * (slope + params.kl_coef * kl.slope);
      let lost = !(is_finite(logp[t]) && is_finite(l) && is_finite(slope));
      if (lost) { slope = quiet_nan(t); }
      row_0 = vec4f(weight * l, weight * policy, kl.value, 1.0);
      row_1 = vec4f(select(0.0, 1.0, ratio < params.low && A < 0.0), select(0.0, 1.0, ratio > params.high && A > 0.0),
                    select(0.0, 1.0, is_dual), ratio);
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

// How far the sampler's log-probs are from the trainer's, and the entropy: |difference| and entropy sums, largest |difference|.
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
  }
  sums_0[lane] = row;
  for (var half = LANES / 2; half > 0; half /= 2) {
    workgroupBarrier();
    if (lane < half) {
      let a = sums_0[lane];
      let b = sums_0[lane + half];
      sums_0[lane] = vec4f(a.xy + b.xy, max(a.zw, b.zw));
    }
  }
  if (lane == 0 && block * LANES < params.T) { gap_rows[block] = sums_0[0]; }
}

// stats: 0 loss, 1 policy loss, 2 kl, 3 tokens, 4-6 clipped low, high, dual, 7 ratio, 8 not finite: sums;
// 10 ratio, 11 −ratio: maxima; 12 |difference|, 13 entropy: sums; 14 |difference|: maximum. Lane i owns number i.
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
