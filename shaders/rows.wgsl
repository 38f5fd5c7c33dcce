// Gather and scatter of rows: gather y[r] = src[index[r]], scatter y[index[r]] = src[r].
// gather: src [M, C], index [R], y [R, C] · scatter: src [R, C], index [R], y [M, C]. `scalar` is any dtype: a copy.
// An index of M or more (0xffffffff by convention) names no row: gather then writes zeros, scatter skips it.
// The indices of a scatter that are below M differ, so that every element has one writer; the other rows of y stay.
// One invocation per pack of WIDTH elements (lib/pack-*); workgroups beyond 65,535 continue in group.y.

struct Params { M: u32, R: u32, C: u32 }

@group(0) @binding(0) var<storage, read> src: array<pack>;
@group(0) @binding(1) var<storage, read> index: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<pack>;
@group(1) @binding(0) var<uniform> params: Params;

const LANES = 64u;

@compute @workgroup_size(LANES)
fn gather(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
          @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * groups.x + group.x) * LANES + lane;
  let width = params.C / WIDTH;
  if (i >= params.R * width) { return; }
  let m = index[i / width];
  var value = pack();
  if (m < params.M) { value = src[m * width + i % width]; }
  y[i] = value;
}

@compute @workgroup_size(LANES)
fn scatter(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
           @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * groups.x + group.x) * LANES + lane;
  let width = params.C / WIDTH;
  if (i >= params.R * width) { return; }
  let m = index[i / width];
  if (m < params.M) { y[m * width + i % width] = src[i]; }
}
