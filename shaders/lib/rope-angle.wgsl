// Cosine (x) and sine (y) of an angle in radians, to about 1e-7 for |angle| up to 1e5. WGSL promises its own cos and
// sin only an absolute error of 2^-11, and only on [-π, π]; at token 30,000 drivers differ in the second digit.
//
// Cody & Waite's reduction: angle = quarter · π/2 + r, |r| ≤ π/4. π/2 is split into three parts of 8 bits and a rest,
// so that quarter (up to 2^16) times a part is exact in f32 and only the last two subtractions round.
// Then the Taylor polynomials of degree 9 and 10, whose truncation on [-π/4, π/4] is below 2e-9.
// W. J. Cody & W. Waite, Software Manual for the Elementary Functions, 1980.
const HALF_PI_1 = 201.0 * 0x1p-7;
const HALF_PI_2 = 253.0 * 0x1p-19;
const HALF_PI_3 = 170.0 * 0x1p-27;
const HALF_PI_4 = 9.920935796805406e-10;
const TWO_OVER_PI = 0.6366197723675814;

fn cos_sin(angle: f32) -> vec2f {
  let quarter = floor(angle * TWO_OVER_PI + 0.5);
  let r = (((angle - quarter * HALF_PI_1) - quarter * HALF_PI_2) - quarter * HALF_PI_3) - quarter * HALF_PI_4;
  let s = r * r;
  let sine = r + r * s * (-1.0 / 6.0 + s * (1.0 / 120.0 + s * (-1.0 / 5040.0 + s * (1.0 / 362880.0))));
  let cosine = 1.0 + s * (-0.5 + s * (1.0 / 24.0 + s * (-1.0 / 720.0 + s * (1.0 / 40320.0 + s * (-1.0 / 3628800.0)))));

  // A quarter turn takes (cos, sin) to (-sin, cos).
  let turns = u32(i32(quarter)) & 3u;
  let even = select(vec2f(-sine, cosine), vec2f(cosine, sine), (turns & 1u) == 0u);
  return select(even, -even, turns >= 2u);
}
