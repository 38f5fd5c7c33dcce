// Input gradient of y = x·wᵀ + scale · (x·aᵀ)·bᵀ: dx (=|+=) dy·w + dz·a,  dz = scale · dy·b
// dy [T, N] · w [N, K] in one of the storage formats of lib/weight-*.wgsl · dz [T, R] · a [R, K] · dx [T, K]
// R and K multiples of 4. dz comes from matmul-backward-x.wgsl. Who owns what, and the order of summation:
// lib/matmul-tile-backward.wgsl; dz·a follows in the same chains, in the dispatch that has with_update set.

struct Params {
  T: u32, N: u32, K: u32, R: u32, group: u32,
  begin: u32, count: u32, data_row: u32, scales_row: u32,
  alpha: f32, with_update: u32,
}

@group(0) @binding(0) var<storage, read> dy: array<dy_unit>;
@group(0) @binding(1) var<storage, read> data: array<weight_unit>;
@group(0) @binding(2) var<storage, read> scales: array<u32>;
@group(0) @binding(3) var<storage, read_write> dx: array<dx_unit>;
@group(0) @binding(4) var<storage, read> dz: array<vec4f>;
@group(0) @binding(5) var<storage, read> a: array<vec4f>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(LANES)
fn backward_x(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, lane: Lane) {
  let block = group.y * groups.x + group.x;
  let t0 = tile_row(block);
  if (t0 >= params.T) { return; }
  let own = tile_unit(block, lane);
  var sums = multiply(t0, own, lane);

  let ranks = select(0, params.R / 4, params.with_update != 0);
  let width = params.K / 4;
  for (var rank = 0u; rank < ranks; rank++) {
    for (var t = 0u; t < TILE_ROWS; t += SHARED) {
      let held = dz[min(t0 + t + shared_row(lane), params.T - 1) * ranks + rank];
      for (var i = 0u; i < QUADS; i++) {
        let at = rank * 4 * width + min(own * QUADS + i, width - 1);
        let update = mat4x4f(a[at], a[at + width], a[at + 2 * width], a[at + 3 * width]);
        for (var r = 0u; r < min(SHARED, TILE_ROWS); r++) {
          let sum = (t + r) * QUADS + i;
          sums[sum] = mad4(sums[sum], share(held, r), update);
        }
      }
    }
  }
  store_tile(t0, own, sums);
}
