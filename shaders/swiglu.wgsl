// SwiGLU: h = gate · σ(gate) · up, elementwise over [T, F].
// Backward, with a = gate:  dup = dh · a · σ(a),  dgate = dh · up · σ(a) · (1 + a · (1 − σ(a))).
// One invocation per pack of WIDTH elements (lib/pack-*); workgroups beyond 65,535 continue in group.y.
// f32 arithmetic; both tails of σ are safe. Shazeer 2020, arXiv:2002.05202.

struct Params { T: u32, F: u32 }

@group(0) @binding(0) var<storage, read> gate: array<pack>;
@group(0) @binding(1) var<storage, read> up: array<pack>;
@group(0) @binding(2) var<storage, read_write> h: array<pack>;
@group(0) @binding(3) var<storage, read> dh: array<pack>;
@group(0) @binding(4) var<storage, read_write> dgate: array<pack>;
@group(0) @binding(5) var<storage, read_write> dup: array<pack>;
@group(1) @binding(0) var<uniform> params: Params;

const LANES = 64u;

@compute @workgroup_size(LANES)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
           @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * groups.x + group.x) * LANES + lane;
  if (i * WIDTH >= params.T * params.F) { return; }
  let a = reals(gate[i]);
  h[i] = pack(a * sigmoid(a).value * reals(up[i]));
}

@compute @workgroup_size(LANES)
fn backward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
            @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * groups.x + group.x) * LANES + lane;
  if (i * WIDTH >= params.T * params.F) { return; }
  let a = reals(gate[i]);
  let s = sigmoid(a);
  let d = reals(dh[i]);
  dup[i] = pack(d * a * s.value);
  dgate[i] = pack(d * reals(up[i]) * s.value * (1.0 + a * s.rest));
}
