// Weight rows of f32, any K: a row may begin anywhere, so values are loaded one by one, zero beyond K.
// See weight-f32.wgsl for what the names mean.
alias weight_unit = f32;
const STEP: u32 = 4;

fn weight_units() -> u32 { return (params.K + STEP - 1) / STEP; }
fn weight_groups() -> u32 { return 1; }
fn group_units() -> u32 { return weight_units(); }
fn group_of(unit: u32) -> u32 { return 0; }

fn weight_load(row: u32, unit: u32) -> vec4f {
  let k = vec4u(0, 1, 2, 3) + unit * STEP;
  let at = row * params.K + min(k, vec4u(params.K - 1));
  return select(vec4f(), vec4f(data[at.x], data[at.y], data[at.z], data[at.w]), k < vec4u(params.K));
}
fn weight_scale(row: u32, group: u32) -> vec2f { return vec2f(1, 0); }
fn weight_quad(unit: vec4f, i: u32, scale: vec2f) -> vec4f { return unit; }
