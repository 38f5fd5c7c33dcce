// A row's running state over the chunks of a vocabulary: max m, s = Σ e^(z−m), u = Σ (z−m) e^(z−m), the target's z.
// Joins the state before with a chunk's own m, s and u.
fn join(before: vec4f, peak: f32, s: f32, u: f32) -> vec3f {
  let top = max(before.x, peak);
  let down_before = before.x - top;
  let down = peak - top;
  // With s = 0 (all banned so far) the distance may be huge: 0 · huge stays 0, as both are finite.
  return vec3f(
    top,
    exp(down) * s + exp(down_before) * before.y,
    exp(down) * fma(down, s, u) + exp(down_before) * fma(down_before, before.y, before.z),
  );
}
