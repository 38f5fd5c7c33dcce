// Attention of query rows over a key/value cache as in attention-decode.wgsl, one invocation per (row, query head) instead
// of one workgroup: no barrier and no shared memory, which is what CPUs that play a GPU pay for.
// q, o f32 [B, H, D] · k, v f32 [Tk, KV, D], D a multiple of 4. A row that sees no key gets o = 0.
//
// Keys (prefix, then own range) come in blocks of BLOCK: their scores, one online-softmax step, then o is shrunk and
// added to where it lies, four columns at a time. Each o is one chain over ascending keys.

struct Params { B: u32, H: u32, KV: u32, D: u32, segments_at: u32, scale: f32 }

@group(0) @binding(0) var<storage, read> q: array<vec4f>;
@group(0) @binding(1) var<storage, read> k: array<vec4f>;
@group(0) @binding(2) var<storage, read> v: array<vec4f>;
@group(0) @binding(3) var<storage, read> table: array<u32>;
@group(0) @binding(4) var<storage, read_write> o: array<vec4f>;
@group(1) @binding(0) var<uniform> params: Params;

const LANES = 8u;
const BLOCK = 8u;
const LOWEST = -1e30;  // stands for -∞ where -∞ - -∞ would be NaN

@compute @workgroup_size(LANES)
fn decode(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
          @builtin(local_invocation_index) lane: u32) {
  let index = (group.y * groups.x + group.x) * LANES + lane;
  if (index >= params.B * params.H) { return; }
  let b = index / params.H;
  let g = (index % params.H) / (params.H / params.KV);
  let d_end = params.D / 4u;

  let s = segment_of(b);
  let prefix = s.prefix_end - s.prefix_begin;
  let count = select(0u, prefix + own_end(s, b) - s.key_begin, has_query(s, b));

  for (var d = 0u; d < d_end; d++) { o[index * d_end + d] = vec4f(); }
  var m = LOWEST;
  var l = 0.0;
  for (var begin = 0u; begin < count; begin += BLOCK) {
    var row: array<u32, BLOCK>;
    var score = array<f32, BLOCK>();
    for (var n = 0u; n < BLOCK; n++) {
      row[n] = (key_row(s, prefix, min(begin + n, count - 1u)) * params.KV + g) * d_end;
    }
    for (var d = 0u; d < d_end; d++) {
      let q_d = q[index * d_end + d];
      for (var n = 0u; n < BLOCK; n++) { score[n] = dot_add(q_d, k[row[n] + d], score[n]); }
    }
    var highest = m;
    for (var n = 0u; n < BLOCK; n++) {
      score[n] = select(LOWEST, score[n] * params.scale, begin + n < count);
      highest = max(highest, score[n]);
    }
    let shrink = exp(m - highest);
    m = highest;
    l *= shrink;
    for (var n = 0u; n < BLOCK; n++) {
      // A key beyond the end weighs nothing, also where all scores are the lowest.
      score[n] = select(0.0, exp(score[n] - highest), begin + n < count);
      l += score[n];
    }
    for (var d = 0u; d < d_end; d++) {
      var sum = o[index * d_end + d] * shrink;
      for (var n = 0u; n < BLOCK; n++) { sum = fma(vec4f(score[n]), v[row[n] + d], sum); }
      o[index * d_end + d] = sum;
    }
  }
  let inverse = select(0.0, 1.0 / l, l > 0.0);
  for (var d = 0u; d < d_end; d++) { o[index * d_end + d] *= inverse; }
}
