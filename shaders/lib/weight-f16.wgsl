// Weight rows of half floats, two per word, low first; K a multiple of 8. Needs no shader-f16.
// See weight-f32.wgsl for what the names mean.
alias weight_unit = vec4u;
const STEP: u32 = 8;

fn weight_units() -> u32 { return params.K / STEP; }
fn weight_groups() -> u32 { return 1; }
fn group_units() -> u32 { return weight_units(); }
fn group_of(unit: u32) -> u32 { return 0; }

fn weight_load(row: u32, unit: u32) -> weight_unit { return data[row * weight_units() + unit]; }
fn weight_scale(row: u32, group: u32) -> vec2f { return vec2f(1, 0); }
fn weight_quad(unit: weight_unit, i: u32, scale: vec2f) -> vec4f {
  let words = select(unit.xy, unit.zw, i == 1);
  return vec4f(unpack2x16float(words.x), unpack2x16float(words.y));
}
