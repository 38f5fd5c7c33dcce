// What an objective needs of whole sequences. Tokens of a sequence lie side by side, and `sequence` [T] ascends; a token
// of weight 0 takes part in nothing. One workgroup per sequence s < S, its sums in a fixed order.
//   ratio   log_ratio[t] = mean of logp − old_logp over the tokens of t's sequence; with of_sum, their sum, each within
//           ±20, and that within [ln 1e-8, 20]
//   spread  dlogp[t] holds weight · dL/d(log-ratio); the log-ratio is a mean of n tokens, so each of them gets
//           Σ over its sequence / n, and its own weight · kl_coef · dkl/dlogp
// Sources and the twin in TypeScript: src/rl/objective.ts.

struct Params { T: u32, S: u32, of_sum: u32, has_ref: u32, kl_type: u32, kl_clamp: u32, kl_coef: f32 }

override LANES: u32 = 64;
const MAX_LOG_RATIO = 20.0;
const LEAST_LOG_RATIO = -18.420681;  // ln 1e-8

@group(0) @binding(0) var<storage, read> logp: array<f32>;
@group(0) @binding(1) var<storage, read> old_logp: array<f32>;
@group(0) @binding(2) var<storage, read> ref_logp: array<f32>;
@group(0) @binding(3) var<storage, read> sequence: array<u32>;
@group(0) @binding(4) var<storage, read> weights: array<f32>;
@group(0) @binding(5) var<storage, read_write> log_ratio: array<f32>;
@group(0) @binding(6) var<storage, read_write> dlogp: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

// The first token of sequence s or a later one; T where there is none.
fn first_token(s: u32) -> u32 {
  var low = 0u;
  var high = params.T;
  while (low < high) {
    let middle = (low + high) / 2;
    if (sequence[middle] < s) { low = middle + 1; } else { high = middle; }
  }
  return low;
}

@compute @workgroup_size(LANES)
fn ratio(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
         @builtin(local_invocation_index) lane: u32) {
  let s = group.y * groups.x + group.x;
  if (s >= params.S) { return; }
  let begin = first_token(s);
  let end = first_token(s + 1);
  if (begin == end) { return; }  // of another micro-batch

  var sum = 0.0;
  var count = 0.0;
  for (var t = begin + lane; t < end; t += LANES) {
    if (weights[t] != 0.0) {
      let d = logp[t] - old_logp[t];
      // What is not finite stays so: clamp may turn NaN into a number.
      sum += select(d, clamp(d, -MAX_LOG_RATIO, MAX_LOG_RATIO), params.of_sum != 0 && is_finite(d));
      count += 1.0;
    }
  }
  sum = workgroup_sum(sum, lane);
  count = workgroup_sum(count, lane);
  var w = sum / max(count, 1.0);
  if (params.of_sum != 0 && is_finite(sum)) { w = clamp(sum, LEAST_LOG_RATIO, MAX_LOG_RATIO); }
  for (var t = begin + lane; t < end; t += LANES) { log_ratio[t] = w; }
}

@compute @workgroup_size(LANES)
fn spread(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
          @builtin(local_invocation_index) lane: u32) {
  let s = group.y * groups.x + group.x;
  if (s >= params.S) { return; }
  let begin = first_token(s);
  let end = first_token(s + 1);
  if (begin == end) { return; }  // of another micro-batch

  var sum = 0.0;
  var count = 0.0;
  for (var t = begin + lane; t < end; t += LANES) {
    if (weights[t] != 0.0) { sum += dlogp[t]; count += 1.0; }
  }
  sum = workgroup_sum(sum, lane);
  count = workgroup_sum(count, lane);
  for (var t = begin + lane; t < end; t += LANES) {
    let weight = weights[t];
    if (weight != 0.0) {
      var slope = 0.0;
      if (params.has_ref != 0) { slope = kl_estimate(ref_logp[t] - logp[t], params.kl_type, params.kl_clamp).slope; }
      dlogp[t] = sum / count + weight * params.kl_coef * slope;
    }
  }
}
