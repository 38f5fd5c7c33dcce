// Weight rows of four-bit integers, eight per word, low first, padded to whole groups; w = s · q + b, half floats
// s (low) and b (high) per group. See weight-f32.wgsl for what the names mean.
alias weight_unit = u32;
const STEP: u32 = 8;

fn weight_groups() -> u32 { return (params.K + params.group - 1) / params.group; }
fn group_units() -> u32 { return params.group / STEP; }
fn weight_units() -> u32 { return weight_groups() * group_units(); }
fn group_of(unit: u32) -> u32 { return unit / group_units(); }

fn weight_load(row: u32, unit: u32) -> weight_unit { return data[row * weight_units() + unit]; }
fn weight_scale(row: u32, group: u32) -> vec2f { return unpack2x16float(scales[row * weight_groups() + group]); }
fn weight_quad(unit: weight_unit, i: u32, scale: vec2f) -> vec4f {
  let q = vec4f((vec4u(unit >> (16 * i)) >> vec4u(0, 4, 8, 12)) & vec4u(15));
  return fma(q, vec4f(scale.x), vec4f(scale.y));
}
