// Sets the bits of tokens [B, N] in the rows of marks [slots, W], W = ⌈V/32⌉: bit v % 32 of word ⌊v/32⌋. Row b of the
// batch marks row slot[b], or b. One invocation per row, so a slot may stand only once. Tokens beyond the words are left out.

struct Params { B: u32, N: u32, W: u32, has_slot: u32 }

@group(0) @binding(0) var<storage, read> tokens: array<u32>;
@group(0) @binding(1) var<storage, read_write> marks: array<u32>;
@group(0) @binding(2) var<storage, read> slot: array<u32>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(64)
fn mark(@builtin(global_invocation_id) id: vec3u) {
  let b = id.x;
  if (b >= params.B) { return; }
  var first = b * params.W;
  if (params.has_slot != 0) { first = slot[b] * params.W; }
  for (var n = 0u; n < params.N; n++) {
    let v = tokens[b * params.N + n];
    if (v / 32 < params.W) { marks[first + v / 32] |= 1u << (v % 32); }
  }
}
