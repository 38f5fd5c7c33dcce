// SwiGLU: h = gate · σ(gate) · up, elementwise over [T, F].
// Backward, with a = gate:  dup = dh · a · σ(a),  dgate = dh · up · σ(a) · (1 + a · (1 − σ(a))).
// One invocation per element; workgroups beyond 65,535 continue in group.y. f32 arithmetic; both tails of σ are safe.
// Shazeer 2020, arXiv:2002.05202.

struct Params { T: u32, F: u32 }

@group(0) @binding(0) var<storage, read> gate: array<scalar>;
@group(0) @binding(1) var<storage, read> up: array<scalar>;
@group(0) @binding(2) var<storage, read_write> h: array<scalar>;
@group(0) @binding(3) var<storage, read> dh: array<scalar>;
@group(0) @binding(4) var<storage, read_write> dgate: array<scalar>;
@group(0) @binding(5) var<storage, read_write> dup: array<scalar>;
@group(1) @binding(0) var<uniform> params: Params;

const LANES = 64u;

@compute @workgroup_size(LANES)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
           @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * groups.x + group.x) * LANES + lane;
  if (i >= params.T * params.F) { return; }
  let a = f32(gate[i]);
  h[i] = scalar(a * sigmoid_pair(a).x * f32(up[i]));
}

@compute @workgroup_size(LANES)
fn backward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
            @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * groups.x + group.x) * LANES + lane;
  if (i >= params.T * params.F) { return; }
  let a = f32(gate[i]);
  let s = sigmoid_pair(a);
  let d = f32(dh[i]);
  dup[i] = scalar(d * a * s.x);
  dgate[i] = scalar(d * f32(up[i]) * s.x * (1.0 + a * s.y));
}
