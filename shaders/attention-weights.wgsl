// Where chosen rows of an attention look: w[s,n] += share · mean_h p,  p = exp(scale · q[t,h]·k[j,g] − lse[t,h]),
// with t = queries[s], j = keys[n], g = ⌊h / (H/KV)⌋ and lse as attention.wgsl left it; p = 0 where t does not see j.
// q [T, H, D] · k [Tk, KV, D] · lse [T, H] · queries [S] · keys [N] · w [S, N]. D is a multiple of 4. Summed over layers
// with shares that sum to 1, w is their mean. A query of T or more, or a key of Tk or more, leaves its entries alone.
//
// An invocation owns one entry; a workgroup EDGE × EDGE of them, so that rows of q and k are read together.
// Accumulates in f32 in one order: d ascending within a score, then h ascending.

struct Params { S: u32, N: u32, T: u32, Tk: u32, H: u32, KV: u32, D: u32, segments_at: u32, scale: f32, share: f32 }

@group(0) @binding(0) var<storage, read> q: array<vec4<scalar>>;
@group(0) @binding(1) var<storage, read> k: array<vec4<scalar>>;
@group(0) @binding(2) var<storage, read> table: array<u32>;
@group(0) @binding(3) var<storage, read> lse: array<f32>;
@group(0) @binding(4) var<storage, read> queries: array<u32>;
@group(0) @binding(5) var<storage, read> keys: array<u32>;
@group(0) @binding(6) var<storage, read_write> w: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

const EDGE = 8u;

@compute @workgroup_size(EDGE * EDGE)
fn add_mean(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
            @builtin(local_invocation_index) lane: u32) {
  let index = group.y * groups.x + group.x;
  let tiles = (params.N + EDGE - 1u) / EDGE;  // along n
  let s = index / tiles * EDGE + lane / EDGE;
  let n = index % tiles * EDGE + lane % EDGE;
  if (s >= params.S || n >= params.N) { return; }
  let t = queries[s];
  let j = keys[n];
  if (t >= params.T || j >= params.Tk || !sees(segment_of(t), t, j)) { return; }

  let d_end = params.D / 4u;
  let h_count = params.H / params.KV;
  var total = 0.0;
  for (var h = 0u; h < params.H; h++) {
    let q_row = (t * params.H + h) * d_end;
    let k_row = (j * params.KV + h / h_count) * d_end;
    var dot = 0.0;
    for (var d = 0u; d < d_end; d++) { dot = dot_add(vec4f(q[q_row + d]), vec4f(k[k_row + d]), dot); }
    total += exp(params.scale * dot - lse[t * params.H + h]);
  }
  w[s * params.N + n] += params.share * total / f32(params.H);
}

fn sees(s: Segment, query: u32, key: u32) -> bool {
  let in_prefix = key >= s.prefix_begin && key < s.prefix_end;
  let in_own = key >= s.key_begin && key < own_end(s, query);
  return has_query(s, query) && (in_prefix || in_own);
}
