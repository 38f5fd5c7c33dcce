// a + x · w, x a row of four, w four rows of four. One fma after the other, in the order of x: the order of summation
// is the same whatever the tile.
fn mad4(a: vec4f, x: vec4f, w: mat4x4f) -> vec4f {
  return fma(vec4f(x.w), w[3], fma(vec4f(x.z), w[2], fma(vec4f(x.y), w[1], fma(vec4f(x.x), w[0], a))));
}
