// Rows that all lanes of a workgroup need, shared within a subgroup of 4 or more: each lane loads one of SHARED rows,
// and share() hands row r of them to every lane. One load then serves SHARED rows, and a shuffle costs far less.
const SHARED: u32 = 4;

struct Lane {
  @builtin(local_invocation_index) index: u32,
  @builtin(subgroup_invocation_id) within: u32,
}

fn shared_row(lane: Lane) -> u32 { return lane.within % SHARED; }
fn share(held: vec4f, r: u32) -> vec4f { return subgroupShuffle(held, r); }
