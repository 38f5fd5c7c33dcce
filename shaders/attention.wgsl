// Attention of packed segments: o[t,h] = Σ_j p_j v[j,g],  p = softmax_j(scale · q[t,h]·k[j,g]),  g = ⌊h / (H/KV)⌋,
// over the keys j that the segment of query t sees (lib/attention-segments.wgsl).
// q, o [T, H, D] · k, v [Tk, KV, D] · lse [T, H] = log Σ_j exp(scale · q·k), kept for the backward. D is a multiple of 4.
// A row that sees no key, or lies in no segment, gets o = 0 and lse = LOWEST.
//
// A workgroup owns TILE query rows of one head, an invocation ROWS of them. Keys come in blocks of BLOCK: all scores of
// a block in registers, then one online-softmax step, then the block's values. No workgroup memory, no barrier.
// Accumulates in f32, in one order: d ascending within a score, keys ascending within a row (prefix, then own range).
// Milakov & Gimelshein 2018, arXiv:1805.02867; Dao et al. 2022, arXiv:2205.14135.
// ROWS, BLOCK and UNROLL come with the variant, D4 = D/4 and SUBGROUP_LANES from the shape and the device.

struct Params { T: u32, H: u32, KV: u32, D: u32, segments_at: u32, scale: f32 }

@group(0) @binding(0) var<storage, read> q: array<vec4<scalar>>;
@group(0) @binding(1) var<storage, read> k: array<vec4<scalar>>;
@group(0) @binding(2) var<storage, read> v: array<vec4<scalar>>;
@group(0) @binding(3) var<storage, read> table: array<u32>;
@group(0) @binding(4) var<storage, read_write> o: array<vec4<scalar>>;
@group(0) @binding(5) var<storage, read_write> lse: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

const READS = BLOCK / LANES;  // of LANES rows each
const FOURS = BLOCK / 4u;
const WIDTH = TILE / ROWS;  // invocations
const LOWEST = -1e30;  // stands for -∞ where -∞ - -∞ would be NaN
const HIDDEN = -3e38;

@compute @workgroup_size(WIDTH)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
           @builtin(local_invocation_index) lane: u32) {
  let index = group.y * groups.x + group.x;
  let tiles = (params.T + TILE - 1u) / TILE;
  if (index >= tiles * params.H) { return; }
  let tile = tiles - 1u - index / params.H;  // causal: the long rows first
  let h = index % params.H;
  let g = h / (params.H / params.KV);
  // A bound from params keeps a driver from unrolling: that costs llvmpipe seconds of compile time.
  let d_end = select(params.D / 4u, D4, UNROLL);
  let key_lane = spread_lane();
  let row_end = min(tile * TILE + TILE, params.T);

  var t: array<u32, ROWS>;
  var row: array<u32, ROWS>;  // where q and o of the row begin, in vec4
  var acc: array<array<vec4f, D4>, ROWS>;
  var m: array<f32, ROWS>;
  var l: array<f32, ROWS>;
  for (var r = 0u; r < ROWS; r++) {
    t[r] = tile * TILE + r * WIDTH + lane;
    row[r] = (min(t[r], params.T - 1u) * params.H + h) * d_end;
    m[r] = LOWEST;
  }

  let met = segments_of_tile(tile);
  for (var index = met.x; index < met.y; index++) {
    let s = segment_at(params.segments_at, index);
    if (s.query_begin >= row_end || s.query_end <= tile * TILE) { continue; }
    for (var range = 0u; range < 2u; range++) {
      let own = range == 1u;
      let begin = select(s.prefix_begin, s.key_begin, own);
      let end = select(s.prefix_end, own_end(s, min(row_end, s.query_end) - 1u), own);
      var limit: array<u32, ROWS>;  // end of the keys that the row sees
      for (var r = 0u; r < ROWS; r++) {
        limit[r] = select(0u, select(s.prefix_end, own_end(s, t[r]), own), has_query(s, t[r]));
      }
      for (var j = begin; j < end; j += BLOCK) {
        // Initialised in words: Tint (webgpu 0.6.2) leaves a bare `var x: T;` in a loop as the last iteration left it.
        var score = array<array<vec4f, FOURS>, ROWS>();
        for (var d = 0u; d < d_end; d++) {
          var q_d: array<vec4f, ROWS>;
          for (var r = 0u; r < ROWS; r++) { q_d[r] = vec4f(q[row[r] + d]); }
          for (var b = 0u; b < READS; b++) {
            var k_d: array<vec4f, LOADS>;
            for (var n = 0u; n < LOADS; n++) {
              let key = min(j + b * LANES + n + key_lane, end - 1u);
              k_d[n] = vec4f(k[(key * params.KV + g) * d_end + d]);
            }
            for (var i = 0u; i < LANES / 4u; i++) {
              let keys = four(k_d, i);
              for (var r = 0u; r < ROWS; r++) { score[r][b * LANES / 4u + i] += q_d[r] * keys; }
            }
          }
        }
        var shrink: array<f32, ROWS>;
        for (var r = 0u; r < ROWS; r++) {
          var highest = vec4f(m[r]);
          for (var i = 0u; i < FOURS; i++) {
            let seen = vec4u(j + 4u * i) + vec4u(0u, 1u, 2u, 3u) < vec4u(limit[r]);
            score[r][i] = select(vec4f(HIDDEN), score[r][i] * params.scale, seen);
            highest = max(highest, score[r][i]);
          }
          let top = max(max(highest.x, highest.y), max(highest.z, highest.w));
          var sum = vec4f();
          for (var i = 0u; i < FOURS; i++) {
            score[r][i] = exp(score[r][i] - top);
            sum += score[r][i];
          }
          shrink[r] = exp(m[r] - top);
          l[r] = fma(l[r], shrink[r], dot(sum, vec4f(1.0)));
          m[r] = top;
        }
        for (var d = 0u; d < d_end; d++) {
          var o_d: array<vec4f, ROWS>;
          for (var r = 0u; r < ROWS; r++) { o_d[r] = acc[r][d] * shrink[r]; }
          for (var b = 0u; b < READS; b++) {
            var v_d: array<vec4f, LOADS>;
            for (var n = 0u; n < LOADS; n++) {
              let key = min(j + b * LANES + n + key_lane, end - 1u);
              v_d[n] = vec4f(v[(key * params.KV + g) * d_end + d]);
            }
            for (var i = 0u; i < LANES / 4u; i++) {
              let values = four(v_d, i);
              for (var r = 0u; r < ROWS; r++) { o_d[r] += values * score[r][b * LANES / 4u + i]; }
            }
          }
          for (var r = 0u; r < ROWS; r++) { acc[r][d] = o_d[r]; }
        }
      }
    }
  }

  for (var r = 0u; r < ROWS; r++) {
    if (t[r] >= params.T) { continue; }
    let sees = m[r] > LOWEST;
    let inverse = select(0.0, 1.0 / l[r], sees);
    for (var d = 0u; d < d_end; d++) { o[row[r] + d] = vec4<scalar>(acc[r][d] * inverse); }
    lse[t[r] * params.H + h] = select(LOWEST, m[r] + log(l[r]), sees);
  }
}
