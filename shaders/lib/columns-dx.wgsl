// Stores four neighbouring columns of dx (=|+=) sums, K a multiple of 4. k is a multiple of 4.
alias dx_unit = vec4<dx_scalar>;

fn store(t: u32, k: u32, sums: vec4f) {
  let at = (t * params.K + k) / 4;
  var value = sums;
  if (ACCUMULATE != 0) { value += vec4f(dx[at]); }
  dx[at] = dx_unit(value);
}
