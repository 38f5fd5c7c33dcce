// Advantages of a completion against the others of its group, with std of ddof 1:
//   grpo         A = (r − mean) / (std + eps)
//   grpo_passk   the one best has A = (r − second best) / (std + eps), all others and a tie for the best have 0
//   rloo         A = r − mean of the others
// rewards, advantages [S], S = P·G, group by group · mean, deviation, zero_std [P].
// A reward that is not finite is left out of its group and gets 0. Equal rewards give exactly 0: sums run over the
// distances from the group's least reward. One workgroup in all; a lane owns every LANES-th group.
// Shao et al. 2024, arXiv:2402.03300; Ahmadian et al. 2024, arXiv:2402.14740 (rloo). Twin: src/rl/advantage.ts.

struct Params { S: u32, P: u32, group_size: u32, estimator: u32, scale: u32, eps: f32 }

const GRPO = 0u;
const GRPO_PASSK = 1u;
const SCALE_GROUP = 0u;
const SCALE_BATCH = 1u;

override LANES: u32 = 64;

@group(0) @binding(0) var<storage, read> rewards: array<f32>;
@group(0) @binding(1) var<storage, read_write> advantages: array<f32>;
@group(0) @binding(2) var<storage, read_write> mean: array<f32>;
@group(0) @binding(3) var<storage, read_write> deviation: array<f32>;
@group(0) @binding(4) var<storage, read_write> zero_std: array<u32>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(LANES)
fn forward(@builtin(local_invocation_index) lane: u32) {
  // The batch's spread, about rewards[0] or 0: only its rounding depends on that.
  let origin = select(0.0, rewards[0], is_finite(rewards[0]));
  var batch_std = 0.0;
  if (params.scale == SCALE_BATCH) {
    var count = 0.0;
    var total = 0.0;
    for (var i = lane; i < params.S; i += LANES) {
      if (is_finite(rewards[i])) { count += 1.0; total += rewards[i] - origin; }
    }
    count = workgroup_sum(count, lane);
    let centre = workgroup_sum(total, lane) / max(count, 1.0);
    var squares = 0.0;
    for (var i = lane; i < params.S; i += LANES) {
      if (is_finite(rewards[i])) { let d = rewards[i] - origin - centre; squares = fma(d, d, squares); }
    }
    batch_std = sqrt(workgroup_sum(squares, lane) / max(count - 1.0, 1.0));
  }

  for (var p = lane; p < params.P; p += LANES) {
    let begin = p * params.group_size;
    let end = min(begin + params.group_size, params.S);
    var count = 0.0;
    var least = 0.0;
    var best = 0.0;
    var second = 0.0;  // the best again where two are
    for (var i = begin; i < end; i++) {
      let r = rewards[i];
      if (is_finite(r)) {
        if (count == 0.0) { least = r; best = r; second = r; }
        else if (count == 1.0) { second = min(best, r); best = max(best, r); least = second; }
        else { least = min(least, r); second = max(second, min(best, r)); best = max(best, r); }
        count += 1.0;
      }
    }
    var total = 0.0;
    for (var i = begin; i < end; i++) { if (is_finite(rewards[i])) { total += rewards[i] - least; } }
    let shift = total / max(count, 1.0);
    var squares = 0.0;
    for (var i = begin; i < end; i++) {
      if (is_finite(rewards[i])) { let d = rewards[i] - least - shift; squares = fma(d, d, squares); }
    }
    let spread = sqrt(squares / max(count - 1.0, 1.0));

    var divisor = 1.0;
    if (params.scale == SCALE_GROUP) { divisor = spread + params.eps; }
    if (params.scale == SCALE_BATCH) { divisor = batch_std + params.eps; }
    for (var i = begin; i < end; i++) {
      var a = 0.0;
      // total is 0 exactly when all are equal; with eps 0 the quotient would be 0/0.
      if (is_finite(rewards[i]) && total != 0.0) {
        let above = rewards[i] - least;
        switch params.estimator {
          case GRPO: { a = (above - shift) / divisor; }
          case GRPO_PASSK: { a = select(0.0, (best - second) / divisor, rewards[i] == best && best != second); }
          default: { a = above - (total - above) / (count - 1.0); }
        }
      }
      advantages[i] = a;
    }
    mean[p] = select(least + shift, quiet_nan(params.S), count == 0.0);
    deviation[p] = select(spread, 0.0, total == 0.0);
    zero_std[p] = select(0u, 1u, total == 0.0);
  }
}
