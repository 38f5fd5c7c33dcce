// LayerNorm: y = n · w + b,  n = (x − mean) · rstd,  rstd[t] = 1 / √(variance_c x[t,c] + eps)
// x, y, dy, dx, add [T, C] · w, b, dw, db [C] · mean, rstd [T], kept by the forward for the backward.
// One workgroup per row, LANES lanes striding over C; rows beyond 65,535 continue in group.y.
// The variance is taken around the mean in a second pass: E[x²] − mean² cancels where |mean| ≫ the deviation.
// Accumulates in f32, in one order for a given LANES. Ba, Kiros & Hinton 2016, arXiv:1607.06450.

struct Params { T: u32, C: u32, eps: f32, has_add: u32 }

override LANES: u32 = 64;
override ROWS: u32 = 64;  // rows summed by one invocation of backward_w

@group(0) @binding(0) var<storage, read> x: array<scalar>;
@group(0) @binding(1) var<storage, read> w: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<scalar>;
@group(0) @binding(4) var<storage, read_write> mean: array<f32>;
@group(0) @binding(5) var<storage, read_write> rstd: array<f32>;
@group(0) @binding(6) var<storage, read> dy: array<scalar>;
@group(0) @binding(7) var<storage, read_write> dx: array<scalar>;
@group(0) @binding(8) var<storage, read> add: array<scalar>;
@group(0) @binding(9) var<storage, read_write> dw_slices: array<f32>;   // [S, C]
@group(0) @binding(10) var<storage, read_write> db_slices: array<f32>;  // [S, C]
@group(0) @binding(11) var<storage, read_write> dw: array<f32>;
@group(0) @binding(12) var<storage, read_write> db: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(LANES)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
           @builtin(local_invocation_index) lane: u32) {
  let t = group.y * groups.x + group.x;
  if (t >= params.T) { return; }
  let row = t * params.C;
  let width = f32(params.C);

  var sum = 0.0;
  for (var c = lane; c < params.C; c += LANES) { sum += f32(x[row + c]); }
  let m = workgroup_sum(sum, lane) / width;

  var squares = 0.0;
  for (var c = lane; c < params.C; c += LANES) { let v = f32(x[row + c]) - m; squares = fma(v, v, squares); }
  let r = inverseSqrt(workgroup_sum(squares, lane) / width + params.eps);

  for (var c = lane; c < params.C; c += LANES) { y[row + c] = scalar((f32(x[row + c]) - m) * r * w[c] + b[c]); }
  if (lane == 0) { mean[t] = m; rstd[t] = r; }
}

// With u = w · dy:  dx = (add +) r · (u − mean_c(u) − n · mean_c(u · n)).
@compute @workgroup_size(LANES)
fn backward_x(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
              @builtin(local_invocation_index) lane: u32) {
  let t = group.y * groups.x + group.x;
  if (t >= params.T) { return; }
  let row = t * params.C;
  let m = mean[t];
  let r = rstd[t];

  var sum = 0.0;
  var dot = 0.0;
  for (var c = lane; c < params.C; c += LANES) {
    let u = w[c] * f32(dy[row + c]);
    sum += u;
    dot = fma(u, (f32(x[row + c]) - m) * r, dot);
  }
  let shift = workgroup_sum(sum, lane) / f32(params.C);
  let pull = workgroup_sum(dot, lane) / f32(params.C);

  for (var c = lane; c < params.C; c += LANES) {
    let n = (f32(x[row + c]) - m) * r;
    var d = r * (w[c] * f32(dy[row + c]) - shift - n * pull);
    if (params.has_add != 0) { d += f32(add[row + c]); }
    dx[row + c] = scalar(d);
  }
}

// dw[c] += Σ_t dy · n, db[c] += Σ_t dy in two stages: one invocation per slice of ROWS rows and column, ...
@compute @workgroup_size(64)
fn backward_w(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
              @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * groups.x + group.x) * 64 + lane;
  let slice = i / params.C;
  let c = i % params.C;
  let begin = slice * ROWS;
  let end = min(begin + ROWS, params.T);
  if (begin >= end) { return; }

  var sum_w = 0.0;
  var sum_b = 0.0;
  for (var t = begin; t < end; t++) {
    let d = f32(dy[t * params.C + c]);
    sum_w = fma(d, (f32(x[t * params.C + c]) - mean[t]) * rstd[t], sum_w);
    sum_b += d;
  }
  dw_slices[i] = sum_w;
  db_slices[i] = sum_b;
}

// ... then one invocation per column over the slices.
@compute @workgroup_size(64)
fn backward_w_sum(@builtin(global_invocation_id) id: vec3u) {
  let c = id.x;
  if (c >= params.C) { return; }
  let slices = (params.T + ROWS - 1) / ROWS;
  var sum_w = 0.0;
  var sum_b = 0.0;
  for (var slice = 0u; slice < slices; slice++) {
    sum_w += dw_slices[slice * params.C + c];
    sum_b += db_slices[slice * params.C + c];
  }
  dw[c] += sum_w;
  db[c] += sum_b;
}
