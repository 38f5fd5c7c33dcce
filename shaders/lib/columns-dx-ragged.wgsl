// Stores four neighbouring columns of dx (=|+=) sums, as far as there are so many. Any K.
alias dx_unit = dx_scalar;

fn store(t: u32, k: u32, sums: vec4f) {
  for (var c = 0u; c < 4; c++) {
    if (k + c < params.K) {
      let at = t * params.K + k + c;
      var value = sums[c];
      if (ACCUMULATE != 0) { value += f32(dx[at]); }
      dx[at] = dx_unit(value);
    }
  }
}
