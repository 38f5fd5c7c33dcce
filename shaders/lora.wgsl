// Matrix product with a weight and its low-rank update: y = x·wᵀ + bias + add + scale · z·bᵀ,  z = x·aᵀ
// x [T, K] · w [N, K] in one of the storage formats of lib/weight-*.wgsl · bias [N] · add, y [T, N] · z [T, R] · b [N, R]
// R a multiple of 4. z comes from matmul.wgsl. Who owns what, and the order of summation: lib/matmul-tile.wgsl; the
// update's terms follow those of x·wᵀ in the same chain of fma, so that b = 0 gives exactly x·wᵀ.
// Hu et al. 2021, arXiv:2106.09685.

struct Params {
  T: u32, N: u32, K: u32, R: u32, group: u32,
  begin: u32, count: u32, data_row: u32, scales_row: u32,
  alpha: f32, scale: f32,
}

@group(0) @binding(0) var<storage, read> x: array<x_unit>;
@group(0) @binding(1) var<storage, read> data: array<weight_unit>;
@group(0) @binding(2) var<storage, read> scales: array<u32>;
@group(0) @binding(3) var<storage, read> bias: array<bias_unit>;
@group(0) @binding(4) var<storage, read> add: array<add_unit>;
@group(0) @binding(5) var<storage, read_write> y: array<y_unit>;
@group(0) @binding(6) var<storage, read> z: array<vec4f>;
@group(0) @binding(7) var<storage, read> b: array<vec4f>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(LANES)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, lane: Lane) {
  let block = group.y * groups.x + group.x;
  let t0 = tile_row(block);
  if (t0 >= params.T) { return; }
  let n0 = tile_column(block, lane);
  var sums = multiply(t0, n0, lane);

  let quads = params.R / 4;
  let rows = (min(vec4u(0, 1, 2, 3) + n0, vec4u(params.count - 1)) + params.begin) * quads;
  for (var quad = 0u; quad < quads; quad++) {
    let update = transpose(mat4x4f(b[rows.x + quad], b[rows.y + quad], b[rows.z + quad], b[rows.w + quad]));
    for (var t = 0u; t < TILE_ROWS; t += SHARED) {
      let held = params.scale * z[min(t0 + t + shared_row(lane), params.T - 1) * quads + quad];
      for (var r = 0u; r < min(SHARED, TILE_ROWS); r++) {
        sums[t + r] = mad4(sums[t + r], share(held, r), update);
      }
    }
  }
  if (owns_tile(lane)) { store_tile(t0, n0, sums); }
}
