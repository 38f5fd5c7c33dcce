// Input gradient of y = x·wᵀ: dx (=|+=) alpha · dy·w, from the weight as the forward stores it.
// dy [T, N] · w [N, K] in one of the storage formats of lib/weight-*.wgsl · dx [T, K]
// A dispatch serves rows [begin, begin + count) of w, which start at data_row and scales_row of what is bound; begin is
// a multiple of 4. Later dispatches accumulate.
// An invocation owns a tile of TILE_T rows × STEP neighbouring columns of dx, the lanes of a workgroup lie along K; rows
// of dy reach all lanes through lib/share-*.wgsl. Every dx is one chain of f32 fma over ascending n.

struct Params {
  T: u32, N: u32, K: u32, group: u32,
  begin: u32, count: u32, data_row: u32, scales_row: u32,
  alpha: f32, accumulate: u32,
}

override LANES: u32 = 64;

@group(0) @binding(0) var<storage, read> dy: array<dy_unit>;
@group(0) @binding(1) var<storage, read> data: array<weight_unit>;
@group(0) @binding(2) var<storage, read> scales: array<u32>;
@group(0) @binding(3) var<storage, read_write> dx: array<dx_scalar>;
@group(1) @binding(0) var<uniform> params: Params;

const QUADS = STEP / 4;

@compute @workgroup_size(LANES)
fn backward_x(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, lane: Lane) {
  let block = group.y * groups.x + group.x;
  let column_blocks = (weight_units() + LANES - 1) / LANES;
  let t0 = block / column_blocks * TILE_ROWS;
  if (t0 >= params.T) { return; }
  let own = block % column_blocks * LANES + lane.index;
  let unit = min(own, weight_units() - 1);
  let g = group_of(unit);

  var sums: array<vec4f, TILE_ROWS * QUADS>;
  for (var n = 0u; n < params.count; n += 4) {
    let rows = min(vec4u(0, 1, 2, 3) + n, vec4u(params.count - 1));  // beyond the last row dy is zero
    let data_rows = rows + params.data_row;
    let scale_rows = rows + params.scales_row;
    let s0 = weight_scale(scale_rows.x, g);
    let s1 = weight_scale(scale_rows.y, g);
    let s2 = weight_scale(scale_rows.z, g);
    let s3 = weight_scale(scale_rows.w, g);
    let u0 = weight_load(data_rows.x, unit);
    let u1 = weight_load(data_rows.y, unit);
    let u2 = weight_load(data_rows.z, unit);
    let u3 = weight_load(data_rows.w, unit);
    for (var t = 0u; t < TILE_ROWS; t += SHARED) {
      let held = dy_quad(min(t0 + t + shared_row(lane), params.T - 1), (params.begin + n) / 4);
      for (var i = 0u; i < QUADS; i++) {
        let w = mat4x4f(
          weight_quad(u0, i, s0), weight_quad(u1, i, s1), weight_quad(u2, i, s2), weight_quad(u3, i, s3));
        for (var r = 0u; r < min(SHARED, TILE_ROWS); r++) {
          let at = (t + r) * QUADS + i;
          sums[at] = mad4(sums[at], share(held, r), w);
        }
      }
    }
  }

  for (var t = 0u; t < TILE_ROWS; t++) {
    for (var c = 0u; c < STEP; c++) {
      let k = own * STEP + c;
      if (t0 + t < params.T && k < params.K) {
        let at = (t0 + t) * params.K + k;
        var value = params.alpha * sums[t * QUADS + c / 4][c % 4];
        if (params.accumulate != 0) { value += f32(dx[at]); }
        dx[at] = dx_scalar(value);
      }
    }
  }
}
