// Four values of a row of x [T, K], K a multiple of 4: one load. Zeros beyond K.
alias x_unit = vec4<x_scalar>;

fn x_quad(row: u32, quad: u32) -> vec4f {
  return select(vec4f(), vec4f(x[row * (params.K / 4) + quad]), quad * 4 < params.K);
}
