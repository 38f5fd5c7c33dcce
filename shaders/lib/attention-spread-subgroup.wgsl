// Keys are read once per subgroup: lane i of each LANES reads key i of a block, and hands it to all lanes. Every lane of
// the subgroup wants the same keys, so it does not matter how many times LANES the subgroup holds. On a software adapter
// a shuffle costs a tenth of a load. SUBGROUP_LANES, from the generated header: 8, or 4 where a subgroup may be of 4.
const LANES = SUBGROUP_LANES;
const LOADS = 1u;  // keys that a lane reads of each block

// The lane's place within its LANES. (subgroup_invocation_id would need another entry point's signature.)
fn spread_lane() -> u32 { return subgroupExclusiveAdd(1u) % LANES; }

// Rows 4i to 4i+3 of a block, as the columns of a matrix.
fn four(own: array<vec4f, LOADS>, i: u32) -> mat4x4f {
  return mat4x4f(subgroupShuffle(own[0], 4u * i), subgroupShuffle(own[0], 4u * i + 1u),
                 subgroupShuffle(own[0], 4u * i + 2u), subgroupShuffle(own[0], 4u * i + 3u));
}
