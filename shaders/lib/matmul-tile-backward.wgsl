// The tile of dy·w that an invocation owns: TILE_ROWS rows × STEP neighbouring columns, the lanes of a workgroup along K.
// dy [T, N] · w [N, K] in one of the storage formats of lib/weight-*.wgsl. A dispatch serves rows [begin, begin + count)
// of w, which start at data_row and scales_row of what is bound; begin is a multiple of 4, and later dispatches
// accumulate. Rows of dy reach all lanes through lib/share-*.wgsl. Every sum is one chain of f32 fma over ascending n.

override LANES: u32 = 64;

const QUADS = STEP / 4;

alias Sums = array<vec4f, TILE_ROWS * QUADS>;

fn column_blocks() -> u32 { return (weight_units() + LANES - 1) / LANES; }

// First row of the tile.
fn tile_row(block: u32) -> u32 { return block / column_blocks() * TILE_ROWS; }

// The tile's columns, as a unit of the weight's rows; may lie beyond the last.
fn tile_unit(block: u32, lane: Lane) -> u32 { return block % column_blocks() * LANES + lane.index; }

fn multiply(t0: u32, own: u32, lane: Lane) -> Sums {
  var sums: Sums;
  let unit = min(own, weight_units() - 1);
  let g = group_of(unit);
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
  return sums;
}

// dx (=|+=) alpha · sums. ACCUMULATE is a constant.
fn store_tile(t0: u32, own: u32, sums: Sums) {
  for (var i = 0u; i < QUADS; i++) {
    let k = own * STEP + i * 4;
    if (k < params.K) {
      for (var t = 0u; t < TILE_ROWS; t++) {
        if (t0 + t < params.T) { store(t0 + t, k, params.alpha * sums[t * QUADS + i]); }
      }
    }
  }
}
