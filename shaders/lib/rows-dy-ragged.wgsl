// Four values of a row of dy [T, N], any N, loaded one by one. Zeros beyond N.
alias dy_unit = dy_scalar;

fn dy_quad(row: u32, quad: u32) -> vec4f {
  let c = vec4u(0, 1, 2, 3) + quad * 4;
  let at = row * params.N + min(c, vec4u(params.N - 1));
  return select(vec4f(), vec4f(vec4<dy_scalar>(dy[at.x], dy[at.y], dy[at.z], dy[at.w])), c < vec4u(params.N));
}
