// RMSNorm as in rms-norm.wgsl, one lane per row instead of one workgroup: no barrier and no shared memory, which is what
// CPUs that play a GPU pay for. Each row is one chain of f32 fma over ascending c.

struct Params { T: u32, H: u32, C: u32, eps: f32, has_add: u32 }

override ROWS_PER_GROUP: u32 = 8;

@group(0) @binding(0) var<storage, read> x: array<scalar>;
@group(0) @binding(1) var<storage, read> w: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<scalar>;
@group(0) @binding(3) var<storage, read_write> rstd: array<f32>;
@group(0) @binding(4) var<storage, read> dy: array<scalar>;
@group(0) @binding(5) var<storage, read_write> dx: array<scalar>;
@group(0) @binding(6) var<storage, read> add: array<scalar>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(ROWS_PER_GROUP)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
           @builtin(local_invocation_index) lane: u32) {
  let t = (group.y * groups.x + group.x) * ROWS_PER_GROUP + lane;
  if (t >= params.T * params.H) { return; }
  let row = t * params.C;

  var squares = 0.0;
  for (var c = 0u; c < params.C; c++) { let v = f32(x[row + c]); squares = fma(v, v, squares); }
  let r = inverseSqrt(squares / f32(params.C) + params.eps);

  for (var c = 0u; c < params.C; c++) { y[row + c] = scalar(f32(x[row + c]) * r * w[c]); }
  rstd[t] = r;
}

// With u = w · dy:  dx = (add +) r · u − x · r³ · mean_c(u · x).
@compute @workgroup_size(ROWS_PER_GROUP)
fn backward_x(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
              @builtin(local_invocation_index) lane: u32) {
  let t = (group.y * groups.x + group.x) * ROWS_PER_GROUP + lane;
  if (t >= params.T * params.H) { return; }
  let row = t * params.C;
  let r = rstd[t];

  var dot = 0.0;
  for (var c = 0u; c < params.C; c++) { dot = fma(w[c] * f32(dy[row + c]), f32(x[row + c]), dot); }
  let pull = dot / f32(params.C) * r * r * r;

  for (var c = 0u; c < params.C; c++) {
    var d = r * w[c] * f32(dy[row + c]) - pull * f32(x[row + c]);
    if (params.has_add != 0) { d += f32(add[row + c]); }
    dx[row + c] = scalar(d);
  }
}
