// Weight rows of f32, K a multiple of 4. A unit is what one load brings: STEP values along k.
// weight_quad gives values 4i … 4i+3 of a unit. Floats have no scale.
alias weight_unit = vec4f;
const STEP: u32 = 4;

fn weight_units() -> u32 { return params.K / STEP; }
fn weight_groups() -> u32 { return 1; }
fn group_units() -> u32 { return weight_units(); }
fn group_of(unit: u32) -> u32 { return 0; }

fn weight_load(row: u32, unit: u32) -> weight_unit { return data[row * weight_units() + unit]; }
fn weight_scale(row: u32, group: u32) -> vec2f { return vec2f(1, 0); }
fn weight_quad(unit: weight_unit, i: u32, scale: vec2f) -> vec4f { return unit; }
