// Estimates of KL(policy ‖ reference) from one token, of delta = ref_logp − logp, and their derivatives by logp.
// kl_type: 1 k1 = −Δ | 2 k2 = Δ²/2 | 3 k3 = e^Δ − Δ − 1 | 4 abs = |Δ|. kl_clamp: EasyR1's bounds of k3, no gradient beyond.

const KL_MAX_LOG_RATIO = 20.0;
const KL_MAX = 10.0;

struct Estimate { value: f32, slope: f32 }

fn kl_estimate(delta: f32, kl_type: u32, kl_clamp: u32) -> Estimate {
  if (kl_type == 1) { return Estimate(-delta, 1.0); }
  if (kl_type == 2) { return Estimate(0.5 * delta * delta, -delta); }
  if (kl_type == 4) { return Estimate(abs(delta), -sign(delta)); }
  let y = select(delta, clamp(delta, -KL_MAX_LOG_RATIO, KL_MAX_LOG_RATIO), kl_clamp != 0);
  // Near 0 the difference would cancel: the series of e^y − y − 1 instead, good to an ulp for |y| < 1/2.
  var k3 = exp(y) - y - 1.0;
  if (abs(y) < 0.5) {
    k3 = y * y * (0.5 + y * (1.0 / 6.0 + y * (1.0 / 24.0 + y * (1.0 / 120.0 + y * (1.0 / 720.0 +
      y * (1.0 / 5040.0 + y * (1.0 / 40320.0 + y / 362880.0)))))));
  }
  if (kl_clamp != 0 && (y != delta || k3 > KL_MAX)) { return Estimate(min(k3, KL_MAX), 0.0); }
  return Estimate(k3, -(k3 + y));
}
