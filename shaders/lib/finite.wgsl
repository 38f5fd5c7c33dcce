// Tests on bit patterns: a compiler may assume that no NaN exists, and fold the comparisons that would find one.

fn is_finite(value: f32) -> bool { return (bitcast<u32>(value) & 0x7f800000u) != 0x7f800000u; }

// A NaN that is no constant expression, which WGSL forbids: `any` is some runtime word below 2²².
fn quiet_nan(any: u32) -> f32 { return bitcast<f32>(0x7fc00000u | (any & 0x3fffffu)); }
