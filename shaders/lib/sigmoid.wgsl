// The logistic function without overflow: exp is taken of -|x| only, so both tails go to 0 and keep their relative
// accuracy. x is σ(x), y is 1 - σ(x) = σ(-x), which the difference would lose when σ is near 1.
fn sigmoid_pair(x: f32) -> vec2f {
  let e = exp(-abs(x));
  let near = 1.0 / (1.0 + e);
  let far = e / (1.0 + e);
  return select(vec2f(far, near), vec2f(near, far), x >= 0.0);
}
