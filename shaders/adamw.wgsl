// AdamW with global-norm clipping, in four dispatches and no read-back:
//   square_sums  a sum of squares per 4,096 gradients        norm     their sum → report: norm, scale, skip
//   step         the update of param, m, v in place          changes  report: weights changed, largest change
// scale = min(1, max_norm / (norm + 1e-6)), torch's clip_grad_norm_; max_norm 0: no clipping. A norm that is not finite
// sets skip: param, m and v stay as they are. The update is torch.optim.AdamW's, in its order:
//   p ← p − lr·decay·p;  m ← m + (1−β₁)(g − m);  v ← β₂v + (1−β₂)g²;  p ← p − (lr/bias₁) · m / (√v/√bias₂ + eps)
// with bias_i = 1 − β_i^t from the host. All tensors flat [N]; fixed order of summation, no atomics.
// Loshchilov & Hutter 2019, arXiv:1711.05101; Kingma & Ba 2015, arXiv:1412.6980.

struct Params {
  N: u32, offset: u32, zero_grad: u32, lr: f32, rest1: f32, beta2: f32, rest2: f32, eps: f32, decay: f32,
  bias1: f32, bias2: f32, max_norm: f32,
}

const LANES = 64u;
const ITEMS = 64u;  // elements per lane: 4,096 per workgroup

@group(0) @binding(0) var<storage, read_write> param: array<f32>;
@group(0) @binding(1) var<storage, read_write> grad: array<f32>;
@group(0) @binding(2) var<storage, read_write> m: array<f32>;
@group(0) @binding(3) var<storage, read_write> v: array<f32>;
@group(0) @binding(4) var<storage, read_write> squares: array<f32>;     // [M], every tensor from its own offset
@group(0) @binding(5) var<storage, read_write> moved: array<vec2f>;     // [M]: weights changed, largest change
@group(0) @binding(6) var<storage, read_write> report: array<f32>;      // [8]: norm, scale, skip, changed, largest change
@group(1) @binding(0) var<uniform> params: Params;

var<workgroup> scratch: array<vec2f, LANES>;

// The sum in x and the maximum in y over the workgroup, by a binary tree.
fn workgroup_merge(mine: vec2f, lane: u32) -> vec2f {
  scratch[lane] = mine;
  for (var half = LANES / 2; half > 0; half /= 2) {
    workgroupBarrier();
    if (lane < half) {
      let a = scratch[lane];
      let b = scratch[lane + half];
      scratch[lane] = vec2f(a.x + b.x, max(a.y, b.y));
    }
  }
  workgroupBarrier();
  return scratch[0];
}

@compute @workgroup_size(LANES)
fn square_sums(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
               @builtin(local_invocation_index) lane: u32) {
  let block = group.y * groups.x + group.x;
  let begin = block * LANES * ITEMS;
  let end = min(begin + LANES * ITEMS, params.N);
  var sum = 0.0;
  for (var i = begin + lane; i < end; i += LANES) { sum = fma(grad[i], grad[i], sum); }
  sum = workgroup_merge(vec2f(sum, 0.0), lane).x;
  if (lane == 0 && begin < params.N) { squares[params.offset + block] = sum; }
}

// One workgroup; N is the number of sums here.
@compute @workgroup_size(LANES)
fn norm(@builtin(local_invocation_index) lane: u32) {
  var sum = 0.0;
  for (var i = lane; i < params.N; i += LANES) { sum += squares[i]; }
  sum = workgroup_merge(vec2f(sum, 0.0), lane).x;
  if (lane != 0) { return; }
  let skip = !is_finite(sum);
  let total = sqrt(sum);
  var scale = 1.0;
  if (params.max_norm > 0.0) { scale = min(1.0, params.max_norm / (total + 1e-6)); }
  report[0] = total;
  report[1] = select(scale, 0.0, skip);
  report[2] = select(0.0, 1.0, skip);
  report[3] = 0.0;
  report[4] = 0.0;
}

@compute @workgroup_size(LANES)
fn step(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) lane: u32) {
  let block = group.y * groups.x + group.x;
  let begin = block * LANES * ITEMS;
  let scale = report[1];
  let skip = report[2] != 0.0;
  var change = vec2f(0.0);  // weights changed, largest change
  let end = min(begin + LANES * ITEMS, params.N);
  for (var i = begin + lane; i < end; i += LANES) {
    if (!skip) {
      let g = grad[i] * scale;
      let before = param[i];
      let next_m = fma(params.rest1, g - m[i], m[i]);
      let next_v = fma(params.rest2 * g, g, params.beta2 * v[i]);
      let denominator = sqrt(next_v) / sqrt(params.bias2) + params.eps;
      var p = before * (1.0 - params.lr * params.decay);
      p -= params.lr / params.bias1 * (next_m / denominator);
      m[i] = next_m;
      v[i] = next_v;
      param[i] = p;
      change.x += select(0.0, 1.0, bitcast<u32>(p) != bitcast<u32>(before));
      change.y = max(change.y, abs(p - before));
    }
    if (params.zero_grad != 0) { grad[i] = 0.0; }
  }
  change = workgroup_merge(change, lane);
  if (lane == 0 && begin < params.N) { moved[params.offset + block] = change; }
}

// One workgroup; N is the number of rows in moved.
@compute @workgroup_size(LANES)
fn changes(@builtin(local_invocation_index) lane: u32) {
  var change = vec2f(0.0);
  for (var i = lane; i < params.N; i += LANES) {
    change = vec2f(change.x + moved[i].x, max(change.y, moved[i].y));
  }
  change = workgroup_merge(change, lane);
  if (lane != 0) { return; }
  report[3] = change.x;
  report[4] = change.y;
}
