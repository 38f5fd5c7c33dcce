// What a training graph needs of elementwise arithmetic, over [T, F]:
//   add: y = a + b · accumulate: y += alpha · x · scale: y *= alpha · fill: y = alpha
// One invocation per pack of WIDTH elements (lib/pack-*); workgroups beyond 65,535 continue in group.y. f32 arithmetic.

struct Params { T: u32, F: u32, alpha: f32 }

@group(0) @binding(0) var<storage, read> a: array<pack>;
@group(0) @binding(1) var<storage, read> b: array<pack>;
@group(0) @binding(2) var<storage, read> x: array<pack>;
@group(0) @binding(3) var<storage, read_write> y: array<pack>;
@group(1) @binding(0) var<uniform> params: Params;

const LANES = 64u;

@compute @workgroup_size(LANES)
fn add(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
       @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * groups.x + group.x) * LANES + lane;
  if (i * WIDTH < params.T * params.F) { y[i] = pack(reals(a[i]) + reals(b[i])); }
}

@compute @workgroup_size(LANES)
fn accumulate(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
              @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * groups.x + group.x) * LANES + lane;
  if (i * WIDTH < params.T * params.F) { y[i] = pack(fma(reals(params.alpha), reals(x[i]), reals(y[i]))); }
}

@compute @workgroup_size(LANES)
fn scale(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
         @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * groups.x + group.x) * LANES + lane;
  if (i * WIDTH < params.T * params.F) { y[i] = pack(params.alpha * reals(y[i])); }
}

@compute @workgroup_size(LANES)
fn fill(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * groups.x + group.x) * LANES + lane;
  if (i * WIDTH < params.T * params.F) { y[i] = pack(reals(params.alpha)); }
}
