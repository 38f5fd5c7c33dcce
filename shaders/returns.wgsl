// Rewards of tokens and what comes of them. A reward counts at its completion's last token, the KL to the reference at
// each: token_reward = [last] · r − kl_coef · kl. Completion s has the tokens bounds[s, 0] to bounds[s, 1] of [T], the
// completions lie one after the other, and the last one's end is their number; what is behind it is left alone.
//   penalise: token_rewards, their sums `scores` [S] and each completion's mean KL [S]; a workgroup per completion
//   discount: returns[t] = token_rewards[t] + gamma · returns[t + 1] within a completion, one lane for each
//   whiten:   advantages = (returns − mean) / √(variance with ddof 1 + eps) over all tokens; one workgroup in all
// A reward that is not finite: the completion's scores and token_rewards are NaN and its advantages 0; it takes no part.
// Equal returns give exactly 0: sums run over distances from the first. Hu 2025, arXiv:2501.03262 (REINFORCE++);
// Ziegler et al. 2019, arXiv:1909.08593 (KL in the reward). Twin: src/rl/returns.ts.

struct Params { T: u32, S: u32, has_ref: u32, kl_type: u32, kl_clamp: u32, kl_coef: f32, gamma: f32, eps: f32 }

override LANES: u32 = 64;

@group(0) @binding(0) var<storage, read> rewards: array<f32>;
@group(0) @binding(1) var<storage, read> bounds: array<u32>;  // [S, 2]
@group(0) @binding(2) var<storage, read> logp: array<f32>;
@group(0) @binding(3) var<storage, read> ref_logp: array<f32>;
@group(0) @binding(4) var<storage, read_write> token_rewards: array<f32>;
@group(0) @binding(5) var<storage, read_write> scores: array<f32>;
@group(0) @binding(6) var<storage, read_write> kl: array<f32>;
@group(0) @binding(7) var<storage, read> paid: array<f32>;  // token_rewards, read
@group(0) @binding(8) var<storage, read_write> returns: array<f32>;
@group(0) @binding(9) var<storage, read> ahead: array<f32>;  // returns, read
@group(0) @binding(10) var<storage, read_write> advantages: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(LANES)
fn penalise(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
            @builtin(local_invocation_index) lane: u32) {
  let s = group.y * groups.x + group.x;
  if (s >= params.S) { return; }
  let begin = bounds[2 * s];
  let end = min(bounds[2 * s + 1], params.T);
  let reward = rewards[s];
  let excluded = !is_finite(reward);
  var sum = 0.0;
  for (var t = begin + lane; t < end; t += LANES) {
    var value = 0.0;
    if (params.has_ref != 0) {
      value = kl_estimate(ref_logp[t] - logp[t], params.kl_type, params.kl_clamp).value;
    }
    sum += value;
    var paid_now = -params.kl_coef * value;
    if (t + 1 == end) { paid_now += reward; }
    if (excluded) { paid_now = quiet_nan(t); }
    token_rewards[t] = paid_now;
  }
  let total = workgroup_sum(sum, lane);
  if (lane == 0) {
    var score = reward - params.kl_coef * total;
    if (excluded) { score = quiet_nan(s); }
    scores[s] = score;
    kl[s] = total / f32(max(end, begin + 1) - begin);
  }
}

@compute @workgroup_size(LANES)
fn discount(@builtin(global_invocation_id) id: vec3u) {
  let s = id.x;
  if (s >= params.S) { return; }
  let begin = bounds[2 * s];
  var total = 0.0;
  for (var t = min(bounds[2 * s + 1], params.T); t > begin; t--) {
    total = paid[t - 1] + params.gamma * total;
    returns[t - 1] = total;
  }
}

@compute @workgroup_size(LANES)
fn whiten(@builtin(local_invocation_index) lane: u32) {
  let count_of_tokens = min(bounds[2 * params.S - 1], params.T);
  // The first token that counts; all lanes find the same.
  var origin = 0.0;
  for (var t = 0u; t < count_of_tokens; t++) {
    if (is_finite(ahead[t])) { origin = ahead[t]; break; }
  }
  var count = 0.0;
  var sum = 0.0;
  for (var t = lane; t < count_of_tokens; t += LANES) {
    if (is_finite(ahead[t])) { count += 1.0; sum += ahead[t] - origin; }
  }
  count = workgroup_sum(count, lane);
  let shift = workgroup_sum(sum, lane) / max(count, 1.0);
  var squares = 0.0;
  for (var t = lane; t < count_of_tokens; t += LANES) {
    if (is_finite(ahead[t])) { let d = ahead[t] - origin - shift; squares = fma(d, d, squares); }
  }
  let spread = sqrt(workgroup_sum(squares, lane) / max(count - 1.0, 1.0) + params.eps);
  for (var t = lane; t < count_of_tokens; t += LANES) {
    let centred = ahead[t] - origin - shift;
    advantages[t] = select(0.0, centred / spread, is_finite(ahead[t]) && centred != 0.0);
  }
}
