// Stores four neighbouring columns of y (=|+=) sums + add, N a multiple of 4. n is a multiple of 4.
alias y_unit = vec4<y_scalar>;
alias add_unit = vec4<add_scalar>;
alias bias_unit = vec4f;

fn bias_quad(n: u32) -> vec4f { return bias[n / 4]; }

fn store(t: u32, n: u32, sums: vec4f) {
  let at = (t * params.N + n) / 4;
  var value = sums;
  if (HAS_ADD != 0) { value += vec4f(add[at]); }
  if (ACCUMULATE != 0) { value += vec4f(y[at]); }
  y[at] = y_unit(value);
}
