// Weight gradient of y = x·wᵀ: dw (=|+=) alpha · dyᵀ·x
// dy [T, N] · x [T, K] · dw [N, K] f32
// A dispatch serves rows [begin, begin + count) of dw, begin a multiple of 4. An invocation owns a tile of
// TILE_ROWS rows × 4 neighbouring columns of dw, the lanes of a workgroup lie along K; rows of dy reach all lanes through
// lib/share-*.wgsl. Every dw is one chain of f32 fma over ascending t. ACCUMULATE is a constant.

struct Params { T: u32, N: u32, K: u32, begin: u32, count: u32, alpha: f32 }

override LANES: u32 = 64;

@group(0) @binding(0) var<storage, read> dy: array<dy_unit>;
@group(0) @binding(1) var<storage, read> x: array<x_unit>;
@group(0) @binding(2) var<storage, read_write> dw: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(LANES)
fn backward_w(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, lane: Lane) {
  let block = group.y * groups.x + group.x;
  let column_blocks = (params.K + 4 * LANES - 1) / (4 * LANES);
  let n0 = block / column_blocks * TILE_ROWS;  // within this dispatch's rows of dw
  if (n0 >= params.count) { return; }
  let own = block % column_blocks * LANES + lane.index;
  let quad = min(own, (params.K - 1) / 4);

  var sums: array<vec4f, TILE_ROWS>;
  for (var t = 0u; t < params.T; t += SHARED) {
    let row = t + shared_row(lane);
    var held: array<vec4f, TILE_ROWS / 4>;
    for (var i = 0u; i < TILE_ROWS / 4; i++) {
      let values = dy_quad(min(row, params.T - 1), (params.begin + n0) / 4 + i);
      held[i] = select(vec4f(), values, row < params.T);
    }
    for (var r = 0u; r < SHARED; r++) {
      let columns = x_quad(min(t + r, params.T - 1), quad);
      for (var i = 0u; i < TILE_ROWS / 4; i++) {
        let d = share(held[i], r);
        for (var c = 0u; c < 4; c++) { sums[i * 4 + c] = fma(vec4f(d[c]), columns, sums[i * 4 + c]); }
      }
    }
  }

  for (var n = 0u; n < TILE_ROWS; n++) {
    for (var c = 0u; c < 4; c++) {
      let k = own * 4 + c;
      if (n0 + n < params.count && k < params.K) {
        let at = (n0 + n) * params.K + k;
        var value = params.alpha * sums[n][c];
        if (ACCUMULATE != 0) { value += dw[at]; }
        dw[at] = value;
      }
    }
  }
}
