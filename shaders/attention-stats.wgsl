// What the backward of attention needs to know of a query row: stats[t,h] = (lse[t,h], δ = Σ_d d_o · o).
// o, d_o [T, H, D] · lse [T, H] · stats [T, H, 2]. One invocation per (t, h); f32, d ascending.

struct Params { T: u32, H: u32, D: u32 }

@group(0) @binding(0) var<storage, read> o: array<vec4<scalar>>;
@group(0) @binding(1) var<storage, read> d_o: array<vec4<scalar>>;
@group(0) @binding(2) var<storage, read> lse: array<f32>;
@group(0) @binding(3) var<storage, read_write> stats: array<vec2f>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(64)
fn row_stats(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
             @builtin(local_invocation_index) lane: u32) {
  let row = (group.y * groups.x + group.x) * 64u + lane;
  if (row >= params.T * params.H) { return; }
  let width = params.D / 4u;
  var delta = 0.0;
  for (var d = 0u; d < width; d++) { delta = dot_add(vec4f(d_o[row * width + d]), vec4f(o[row * width + d]), delta); }
  stats[row] = vec2f(lse[row], delta);
}
