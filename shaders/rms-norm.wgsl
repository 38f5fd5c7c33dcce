// RMSNorm: y = x · rstd · w,  rstd[t,h] = 1 / √(mean_c x[t,h,c]² + eps)
// x, y, dy, dx, add [T, H, C] · w, dw [C] · rstd [T, H], kept by the forward for the backward.
// A row is one (t, h); H is 1 but for norms within heads. One workgroup per row, LANES lanes striding over C;
// rows beyond 65,535 continue in group.y. Accumulates in f32, in one order for a given LANES.
// Zhang & Sennrich 2019, arXiv:1910.07467.

struct Params { T: u32, H: u32, C: u32, eps: f32, has_add: u32 }

override LANES: u32 = 64;
override ROWS: u32 = 64;  // rows summed by one invocation of backward_w

@group(0) @binding(0) var<storage, read> x: array<scalar>;
@group(0) @binding(1) var<storage, read> w: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<scalar>;
@group(0) @binding(3) var<storage, read_write> rstd: array<f32>;
@group(0) @binding(4) var<storage, read> dy: array<scalar>;
@group(0) @binding(5) var<storage, read_write> dx: array<scalar>;
@group(0) @binding(6) var<storage, read> add: array<scalar>;
@group(0) @binding(7) var<storage, read_write> dw_slices: array<f32>;  // [S, C]
@group(0) @binding(8) var<storage, read_write> dw: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(LANES)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
           @builtin(local_invocation_index) lane: u32) {
  let t = group.y * groups.x + group.x;
  if (t >= params.T * params.H) { return; }
  let row = t * params.C;

  var squares = 0.0;
  for (var c = lane; c < params.C; c += LANES) { let v = f32(x[row + c]); squares = fma(v, v, squares); }
  let r = inverseSqrt(workgroup_sum(squares, lane) / f32(params.C) + params.eps);

  for (var c = lane; c < params.C; c += LANES) { y[row + c] = scalar(f32(x[row + c]) * r * w[c]); }
  if (lane == 0) { rstd[t] = r; }
}

// With u = w · dy:  dx = (add +) r · u − x · r³ · mean_c(u · x).
@compute @workgroup_size(LANES)
fn backward_x(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
              @builtin(local_invocation_index) lane: u32) {
  let t = group.y * groups.x + group.x;
  if (t >= params.T * params.H) { return; }
  let row = t * params.C;
  let r = rstd[t];

  var dot = 0.0;
  for (var c = lane; c < params.C; c += LANES) { dot = fma(w[c] * f32(dy[row + c]), f32(x[row + c]), dot); }
  let pull = workgroup_sum(dot, lane) / f32(params.C) * r * r * r;

  for (var c = lane; c < params.C; c += LANES) {
    var d = r * w[c] * f32(dy[row + c]) - pull * f32(x[row + c]);
    if (params.has_add != 0) { d += f32(add[row + c]); }
    dx[row + c] = scalar(d);
  }
}

// dw[c] += Σ_t dy · x · rstd in two stages: one invocation per slice of ROWS rows and column, ...
@compute @workgroup_size(64)
fn backward_w(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
              @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * groups.x + group.x) * 64 + lane;
  let slice = i / params.C;
  let c = i % params.C;
  let begin = slice * ROWS;
  let end = min(begin + ROWS, params.T * params.H);
  if (begin >= end) { return; }

  var sum = 0.0;
  for (var t = begin; t < end; t++) {
    sum = fma(f32(dy[t * params.C + c]) * f32(x[t * params.C + c]), rstd[t], sum);
  }
  dw_slices[i] = sum;
}

// ... then one invocation per column over the slices.
@compute @workgroup_size(64)
fn backward_w_sum(@builtin(global_invocation_id) id: vec3u) {
  let c = id.x;
  if (c >= params.C) { return; }
  let slices = (params.T * params.H + ROWS - 1) / ROWS;
  var sum = 0.0;
  for (var slice = 0u; slice < slices; slice++) { sum += dw_slices[slice * params.C + c]; }
  dw[c] += sum;
}
