// Without subgroups every lane reads every key itself: the same address in all lanes, which hardware serves as one.
const LANES = 1u;

fn spread_lane() -> u32 { return 0u; }

fn spread(own: vec4f) -> array<vec4f, LANES> { return array<vec4f, LANES>(own); }
