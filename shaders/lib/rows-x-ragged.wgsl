// Four values of a row of x [T, K], any K, loaded one by one. Zeros beyond K.
alias x_unit = x_scalar;

fn x_quad(row: u32, quad: u32) -> vec4f {
  let c = vec4u(0, 1, 2, 3) + quad * 4;
  let at = row * params.K + min(c, vec4u(params.K - 1));
  return select(vec4f(), vec4f(vec4<x_scalar>(x[at.x], x[at.y], x[at.z], x[at.w])), c < vec4u(params.K));
}
