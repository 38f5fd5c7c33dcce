// y (=|+=) alpha · sums + bias + add. What an option does not ask for is no part of the code: ACCUMULATE, HAS_BIAS and
// HAS_ADD are constants.
fn store_tile(t0: u32, n0: u32, sums: Sums) {
  if (n0 >= params.count) { return; }
  let n = params.begin + n0;
  var shift: vec4f;
  if (HAS_BIAS != 0) { shift = bias_quad(n); }
  for (var t = 0u; t < TILE_ROWS; t++) {
    if (t0 + t < params.T) { store(t0 + t, n, params.alpha * sums[t] + shift); }
  }
}
