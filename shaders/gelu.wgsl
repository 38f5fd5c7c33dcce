// Elementwise activations over [T, F], all of the form f(x) = x · g(x), so that f′ = g + x · g′:
//   KIND 0, gelu:       g = Φ(x) = (1 + erf(x/√2)) / 2
//   KIND 1, gelu_tanh:  g = (1 + tanh u) / 2 = σ(2u),  u = √(2/π) (x + 0.044715 x³)
//   KIND 2, quick_gelu: g = σ(1.702 x)
//   KIND 3, silu:       g = σ(x)
// The tanh is written by σ, which does not overflow. One invocation per pack of WIDTH elements (lib/pack-*);
// workgroups beyond 65,535 continue in group.y. f32 arithmetic. Hendrycks & Gimpel 2016, arXiv:1606.08415.

struct Params { T: u32, F: u32 }

override KIND: u32 = 0;

@group(0) @binding(0) var<storage, read> x: array<pack>;
@group(0) @binding(1) var<storage, read_write> y: array<pack>;
@group(0) @binding(2) var<storage, read> dy: array<pack>;
@group(0) @binding(3) var<storage, read_write> dx: array<pack>;
@group(1) @binding(0) var<uniform> params: Params;

const LANES = 64u;
const SQRT_2_OVER_PI = 0.7978845608028654;
const SQRT_HALF = 0.7071067811865476;
const DENSITY_AT_0 = 0.3989422804014327;  // 1 / √(2π)
const CUBIC = 0.044715;
const QUICK_SLOPE = 1.702;

// Φ(v), absolute error below 1e-7: erfc by formula 7.1.26 of Abramowitz & Stegun, Handbook of Mathematical Functions,
// 1964 (Hastings), whose error is 1.5e-7. `bell` is exp(-v²/2).
fn normal_distribution(v: reals, bell: reals) -> reals {
  let t = 1.0 / (1.0 + 0.3275911 * SQRT_HALF * abs(v));
  let series = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  let tail = 0.5 * series * bell;
  return select(tail, 1.0 - tail, v >= reals());
}

struct Gate { value: reals, slope: reals }  // g(v) and g′(v)

fn gate(v: reals) -> Gate {
  switch KIND {
    case 0: {
      let bell = exp(-0.5 * v * v);
      return Gate(normal_distribution(v, bell), DENSITY_AT_0 * bell);
    }
    case 1: {
      let s = sigmoid(2.0 * SQRT_2_OVER_PI * (v + CUBIC * v * v * v));
      return Gate(s.value, 2.0 * s.value * s.rest * SQRT_2_OVER_PI * (1.0 + 3.0 * CUBIC * v * v));
    }
    case 2: {
      let s = sigmoid(QUICK_SLOPE * v);
      return Gate(s.value, QUICK_SLOPE * s.value * s.rest);
    }
    default: {
      let s = sigmoid(v);
      return Gate(s.value, s.value * s.rest);
    }
  }
}

@compute @workgroup_size(LANES)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
           @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * groups.x + group.x) * LANES + lane;
  if (i * WIDTH >= params.T * params.F) { return; }
  let v = reals(x[i]);
  y[i] = pack(v * gate(v).value);
}

@compute @workgroup_size(LANES)
fn backward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
            @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * groups.x + group.x) * LANES + lane;
  if (i * WIDTH >= params.T * params.F) { return; }
  let v = reals(x[i]);
  let g = gate(v);
  dx[i] = pack(reals(dy[i]) * (g.value + v * g.slope));
}
