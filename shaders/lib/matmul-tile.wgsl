// The tile of x·wᵀ that an invocation owns: TILE_ROWS rows × 4 neighbouring columns, the lanes of a workgroup along N.
// x [T, K] · w [N, K] in one of the storage formats of lib/weight-*.wgsl. A dispatch serves rows [begin, begin + count)
// of w, which start at data_row and scales_row of what is bound. Blocks of columns vary fastest in the folded workgroup
// index. Rows of x reach all lanes through lib/share-*.wgsl.
// Every sum is one chain of f32 fma over ascending k, the same for each tile, T and subgroup size: sampling and training
// give the same bits. Edges are clamped when loading and cut when storing, so that the inner loop does not branch.

override LANES: u32 = 64;

alias Sums = array<vec4f, TILE_ROWS>;

fn column_blocks() -> u32 { return (params.count + 4 * LANES - 1) / (4 * LANES); }

// First row of the tile.
fn tile_row(block: u32) -> u32 { return block / column_blocks() * TILE_ROWS; }

// First column of the tile, counted within this dispatch; may lie beyond the last.
fn tile_column(block: u32, lane: Lane) -> u32 { return (block % column_blocks() * LANES + lane.index) * 4; }

fn multiply(t0: u32, n0: u32, lane: Lane) -> Sums {
  var sums: Sums;
  let rows = min(vec4u(0, 1, 2, 3) + n0, vec4u(params.count - 1));
  let data_rows = rows + params.data_row;
  let scale_rows = rows + params.scales_row;
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
  return sums;
}

fn owns_tile(lane: Lane) -> bool { return true; }
