// Input gradient of y = x·wᵀ: dx (=|+=) alpha · dy·w, from the weight as the forward stores it.
// dy [T, N] · w [N, K] in one of the storage formats of lib/weight-*.wgsl · dx [T, K]
// Who owns what, and the order of summation: lib/matmul-tile-backward.wgsl. Without LoRA; with it, lora-backward.wgsl.

struct Params {
  T: u32, N: u32, K: u32, group: u32,
  begin: u32, count: u32, data_row: u32, scales_row: u32,
  alpha: f32,
}

@group(0) @binding(0) var<storage, read> dy: array<dy_unit>;
@group(0) @binding(1) var<storage, read> data: array<weight_unit>;
@group(0) @binding(2) var<storage, read> scales: array<u32>;
@group(0) @binding(3) var<storage, read_write> dx: array<dx_unit>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(LANES)
fn backward_x(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, lane: Lane) {
  let block = group.y * groups.x + group.x;
  let t0 = tile_row(block);
  if (t0 >= params.T) { return; }
  let own = tile_unit(block, lane);
  store_tile(t0, own, multiply(t0, own, lane));
}
