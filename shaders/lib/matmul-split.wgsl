// As lib/matmul-few.wgsl, with k split among SPLIT neighbouring lanes: they read neighbouring chunks of the weight, and
// there are SPLIT times as many invocations. That is what a GPU of many cores wants when x has few rows. Each part is
// one chain of fma; the parts are added in order, so that the bits depend on SPLIT, and differ from lib/matmul-tile.wgsl.

override LANES: u32 = 64;
override SPLIT: u32 = 8;

alias Sums = array<vec4f, TILE_ROWS>;

var<workgroup> partial: array<Sums, LANES>;

fn tile_lanes() -> u32 { return LANES / SPLIT; }
fn column_blocks() -> u32 { return (params.count + 4 * tile_lanes() - 1) / (4 * tile_lanes()); }
fn tile_row(block: u32) -> u32 { return block / column_blocks() * TILE_ROWS; }
fn tile_column(block: u32, lane: Lane) -> u32 {
  return (block % column_blocks() * tile_lanes() + lane.index / SPLIT) * 4;
}
fn owns_tile(lane: Lane) -> bool { return lane.index % SPLIT == 0; }

fn multiply(t0: u32, n0: u32, lane: Lane) -> Sums {
  var sums: Sums;
  let rows = min(vec4u(0, 1, 2, 3) + n0, vec4u(params.count - 1));
  let data_rows = rows + params.data_row;
  let scale_rows = rows + params.scales_row;
  for (var index = lane.index % SPLIT; index < params.K / 32; index += SPLIT) {
    let c0 = chunk_load(data_rows.x, scale_rows.x, index);
    let c1 = chunk_load(data_rows.y, scale_rows.y, index);
    let c2 = chunk_load(data_rows.z, scale_rows.z, index);
    let c3 = chunk_load(data_rows.w, scale_rows.w, index);
    for (var q = 0u; q < 8; q++) {
      let w = transpose(mat4x4f(chunk_quad(c0, q), chunk_quad(c1, q), chunk_quad(c2, q), chunk_quad(c3, q)));
      for (var t = 0u; t < TILE_ROWS; t++) {
        sums[t] = mad4(sums[t], x_quad(min(t0 + t, params.T - 1), index * 8 + q), w);
      }
    }
  }

  partial[lane.index] = sums;
  workgroupBarrier();
  if (owns_tile(lane)) {
    for (var part = 1u; part < SPLIT; part++) {
      for (var t = 0u; t < TILE_ROWS; t++) { sums[t] += partial[lane.index + part][t]; }
    }
  }
  return sums;
}
