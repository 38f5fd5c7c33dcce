// The logistic function without overflow: exp is taken of -|v| only, so both tails go to 0 and keep their relative
// accuracy. `rest` is 1 - σ(v) = σ(-v), which the difference would lose where σ is near 1. After a pack-*.wgsl.
struct Sigmoid { value: reals, rest: reals }

fn sigmoid(v: reals) -> Sigmoid {
  let e = exp(-abs(v));
  let near = 1.0 / (1.0 + e);
  let far = e / (1.0 + e);
  let positive = v >= reals();
  return Sigmoid(select(far, near, positive), select(near, far, positive));
}
