// Four values of a row of dy [T, N], N a multiple of 4: one load. Zeros beyond N.
alias dy_unit = vec4<dy_scalar>;

fn dy_quad(row: u32, quad: u32) -> vec4f {
  return select(vec4f(), vec4f(dy[row * (params.N / 4) + quad]), quad * 4 < params.N);
}
