// Matrix product with a weight: y (=|+=) alpha · x·wᵀ + bias + add
// x [T, K] · w [N, K] in one of the storage formats of lib/weight-*.wgsl · bias [N] · add, y [T, N]
// Who owns what, and the order of summation: lib/matmul-tile.wgsl. Without LoRA; with it, lora.wgsl.

struct Params {
  T: u32, N: u32, K: u32, group: u32,
  begin: u32, count: u32, data_row: u32, scales_row: u32,
  alpha: f32,
}

@group(0) @binding(0) var<storage, read> x: array<x_unit>;
@group(0) @binding(1) var<storage, read> data: array<weight_unit>;
@group(0) @binding(2) var<storage, read> scales: array<u32>;
@group(0) @binding(3) var<storage, read> bias: array<bias_unit>;
@group(0) @binding(4) var<storage, read> add: array<add_unit>;
@group(0) @binding(5) var<storage, read_write> y: array<y_unit>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(LANES)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, lane: Lane) {
  let block = group.y * groups.x + group.x;
  let t0 = tile_row(block);
  if (t0 >= params.T) { return; }
  let n0 = tile_column(block, lane);
  let sums = multiply(t0, n0, lane);
  if (owns_tile(lane)) { store_tile(t0, n0, sums); }
}
