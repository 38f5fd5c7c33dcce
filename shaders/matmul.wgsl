// Matrix product with a weight: y (=|+=) alpha · x·wᵀ + bias + add
// x [T, K] · w [N, K] in one of the storage formats of lib/weight-*.wgsl · bias [N] · add, y [T, N]
// A dispatch serves rows [begin, begin + count) of w, which start at data_row and scales_row of what is bound.
// An invocation owns a tile of TILE_T rows × 4 neighbouring columns of y, the lanes of a workgroup lie along N; rows of
// x reach all lanes through lib/share-*.wgsl. Blocks of columns vary fastest in the (folded) workgroup index.
// Every y is one chain of f32 fma over ascending k, the same for each tile, T and subgroup size: sampling and training
// give the same bits. Edges are clamped when loading and cut when storing, so that the inner loop does not branch.

struct Params {
  T: u32, N: u32, K: u32, group: u32,
  begin: u32, count: u32, data_row: u32, scales_row: u32,
  alpha: f32, accumulate: u32, has_bias: u32, has_add: u32,
}

override LANES: u32 = 64;

@group(0) @binding(0) var<storage, read> x: array<x_unit>;
@group(0) @binding(1) var<storage, read> data: array<weight_unit>;
@group(0) @binding(2) var<storage, read> scales: array<u32>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read> add: array<add_scalar>;
@group(0) @binding(5) var<storage, read_write> y: array<y_scalar>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(LANES)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, lane: Lane) {
  let block = group.y * groups.x + group.x;
  let column_blocks = (params.count + 4 * LANES - 1) / (4 * LANES);
  let t0 = block / column_blocks * TILE_ROWS;
  if (t0 >= params.T) { return; }
  let n0 = (block % column_blocks * LANES + lane.index) * 4;  // within this dispatch's rows of w
  let rows = min(vec4u(0, 1, 2, 3) + n0, vec4u(params.count - 1));
  let data_rows = rows + params.data_row;
  let scale_rows = rows + params.scales_row;

  var sums: array<vec4f, TILE_ROWS>;
  var unit = 0u;
  for (var g = 0u; g < weight_groups(); g++) {
    let s0 = weight_scale(scale_rows.x, g);
    let s1 = weight_scale(scale_rows.y, g);
    let s2 = weight_scale(scale_rows.z, g);
    let s3 = weight_scale(scale_rows.w, g);
    for (let end = unit + group_units(); unit < end; unit++) {
      let u0 = weight_load(data_rows.x, unit);
      let u1 = weight_load(data_rows.y, unit);
      let u2 = weight_load(data_rows.z, unit);
      let u3 = weight_load(data_rows.w, unit);
      for (var i = 0u; i < STEP / 4; i++) {
        let w = transpose(mat4x4f(
          weight_quad(u0, i, s0), weight_quad(u1, i, s1), weight_quad(u2, i, s2), weight_quad(u3, i, s3)));
        for (var t = 0u; t < TILE_ROWS; t += SHARED) {
          let held = x_quad(min(t0 + t + shared_row(lane), params.T - 1), unit * (STEP / 4) + i);
          for (var r = 0u; r < min(SHARED, TILE_ROWS); r++) { sums[t + r] = mad4(sums[t + r], share(held, r), w); }
        }
      }
    }
  }

  for (var t = 0u; t < TILE_ROWS; t++) {
    for (var c = 0u; c < 4; c++) {
      if (t0 + t < params.T && n0 + c < params.count) { store(t0 + t, params.begin + n0 + c, sums[t][c]); }
    }
  }
}

fn store(t: u32, n: u32, sum: f32) {
  let at = t * params.N + n;
  var value = params.alpha * sum;
  if (params.has_bias != 0) { value += bias[n]; }
  if (params.has_add != 0) { value += f32(add[at]); }
  if (params.accumulate != 0) { value += f32(y[at]); }
  y[at] = y_scalar(value);
}
