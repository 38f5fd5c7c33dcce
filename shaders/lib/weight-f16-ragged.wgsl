// Weight rows of half floats, two per word, low first, any K: a row has ⌈K/2⌉ words, loaded one by one.
// See weight-f32.wgsl for what the names mean. What is read beyond K is never used: x is zero there.
alias weight_unit = u32;
const STEP: u32 = 4;

fn weight_units() -> u32 { return (params.K + STEP - 1) / STEP; }
fn weight_groups() -> u32 { return 1; }
fn group_units() -> u32 { return weight_units(); }
fn group_of(unit: u32) -> u32 { return 0; }

fn weight_load(row: u32, unit: u32) -> vec2u {
  let words = (params.K + 1) / 2;
  let first = unit * 2;
  let at = row * words;
  // A missing last word is zero: a neighbour's bits could be an infinity, and ∞ · 0 is no zero.
  return vec2u(data[at + first], select(0, data[at + min(first + 1, words - 1)], first + 1 < words));
}
fn weight_scale(row: u32, group: u32) -> vec2f { return vec2f(1, 0); }
fn weight_quad(unit: vec2u, i: u32, scale: vec2f) -> vec4f {
  return vec4f(unpack2x16float(unit.x), unpack2x16float(unit.y));
}
