// Stores four neighbouring columns of y (=|+=) sums + add, as far as there are so many. Any N.
alias y_unit = y_scalar;
alias add_unit = add_scalar;
alias bias_unit = f32;

fn bias_quad(n: u32) -> vec4f {
  let at = min(vec4u(0, 1, 2, 3) + n, vec4u(params.N - 1));
  return vec4f(bias[at.x], bias[at.y], bias[at.z], bias[at.w]);
}

fn store(t: u32, n: u32, sums: vec4f) {
  for (var c = 0u; c < 4; c++) {
    if (n + c < params.N) {
      let at = t * params.N + n + c;
      var value = sums[c];
      if (HAS_ADD != 0) { value += f32(add[at]); }
      if (ACCUMULATE != 0) { value += f32(y[at]); }
      y[at] = y_unit(value);
    }
  }
}
