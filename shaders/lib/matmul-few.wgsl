// As lib/matmul-tile.wgsl, for few rows of x (decoding) and K a multiple of 32: the weight comes in chunks of 32 values
// along k (lib/chunk-*.wgsl), and what a subgroup shares is neighbouring quads of a row of x rather than neighbouring
// rows. The order of summation is the same.

override LANES: u32 = 64;
override SPLIT: u32 = 1;

alias Sums = array<vec4f, TILE_ROWS>;

fn column_blocks() -> u32 { return (params.count + 4 * LANES - 1) / (4 * LANES); }
fn tile_row(block: u32) -> u32 { return block / column_blocks() * TILE_ROWS; }
fn tile_column(block: u32, lane: Lane) -> u32 { return (block % column_blocks() * LANES + lane.index) * 4; }
fn owns_tile(lane: Lane) -> bool { return true; }

fn multiply(t0: u32, n0: u32, lane: Lane) -> Sums {
  var sums: Sums;
  let rows = min(vec4u(0, 1, 2, 3) + n0, vec4u(params.count - 1));
  let data_rows = rows + params.data_row;
  let scale_rows = rows + params.scales_row;
  for (var index = 0u; index < params.K / 32; index++) {
    let c0 = chunk_load(data_rows.x, scale_rows.x, index);
    let c1 = chunk_load(data_rows.y, scale_rows.y, index);
    let c2 = chunk_load(data_rows.z, scale_rows.z, index);
    let c3 = chunk_load(data_rows.w, scale_rows.w, index);
    for (var first = 0u; first < 8; first += SHARED) {
      var held: Sums;
      for (var t = 0u; t < TILE_ROWS; t++) {
        held[t] = x_quad(min(t0 + t, params.T - 1), index * 8 + first + shared_row(lane));
      }
      for (var r = 0u; r < SHARED; r++) {
        let q = first + r;
        let w = transpose(mat4x4f(chunk_quad(c0, q), chunk_quad(c1, q), chunk_quad(c2, q), chunk_quad(c3, q)));
        for (var t = 0u; t < TILE_ROWS; t++) { sums[t] = mad4(sums[t], share(held[t], r), w); }
      }
    }
  }
  return sums;
}
