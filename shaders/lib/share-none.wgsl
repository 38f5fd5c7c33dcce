// Rows that all lanes of a workgroup need, without subgroups: every lane loads every row. See share-subgroup-8.wgsl.
const SHARED: u32 = 1;

struct Lane {
  @builtin(local_invocation_index) index: u32,
}

fn shared_row(lane: Lane) -> u32 { return 0; }
fn share(held: vec4f, r: u32) -> vec4f { return held; }
