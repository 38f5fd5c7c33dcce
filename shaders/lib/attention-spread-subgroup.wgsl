// Keys are read once per subgroup: lane i of each LANES reads key i, and hands it to all lanes. Every lane of the
// subgroup wants the same keys, so it does not matter how many times LANES the subgroup holds. On a software adapter a
// shuffle costs a tenth of a load. SUBGROUP_LANES, from the generated header: 8, or 4 where a subgroup may be of 4.
const LANES = SUBGROUP_LANES;

// The lane's place within its LANES. (subgroup_invocation_id would need another entry point's signature.)
fn spread_lane() -> u32 { return subgroupExclusiveAdd(1u) % LANES; }

fn spread(own: vec4f) -> array<vec4f, LANES> {
  var all = array<vec4f, LANES>();
  for (var i = 0u; i < LANES; i++) { all[i] = subgroupShuffle(own, i); }
  return all;
}
