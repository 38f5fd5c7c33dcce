// Without subgroups every lane reads every key itself: the same address in all lanes, which hardware serves as one.
const LANES = 4u;
const LOADS = 4u;  // keys that a lane reads of each block

fn spread_lane() -> u32 { return 0u; }

// The block's rows as the columns of a matrix.
fn four(own: array<vec4f, LOADS>, i: u32) -> mat4x4f { return mat4x4f(own[0], own[1], own[2], own[3]); }
