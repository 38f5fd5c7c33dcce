// Backward of attention.wgsl to the queries, from q, k, v, d_o = dL/do and stats [T, H, 2] = (lse, δ = d_o · o). With
// p_tj = exp(scale · q_t·k_j − lse_t), recomputed block by block:
//   ds_tj = p_tj (d_o_t·v_j − δ_t) · scale,   dq_t = Σ_j ds_tj k_j
// q, d_o, dq [T, H, D] · k, v [Tk, KV, D]. dq is overwritten, with zero where a row sees nothing.
// Ownership, order and constants as in the forward: TILE query rows of one head per workgroup, ROWS per invocation.
// Dao et al. 2022, arXiv:2205.14135, appendix B.

struct Params { T: u32, H: u32, KV: u32, D: u32, segments_at: u32, scale: f32 }

@group(0) @binding(0) var<storage, read> q: array<vec4<scalar>>;
@group(0) @binding(1) var<storage, read> k: array<vec4<scalar>>;
@group(0) @binding(2) var<storage, read> v: array<vec4<scalar>>;
@group(0) @binding(3) var<storage, read> table: array<u32>;
@group(0) @binding(4) var<storage, read> d_o: array<vec4<scalar>>;
@group(0) @binding(5) var<storage, read> stats: array<vec2f>;
@group(0) @binding(6) var<storage, read_write> dq: array<vec4<scalar>>;
@group(1) @binding(0) var<uniform> params: Params;

const READS = BLOCK / LANES;  // of LANES rows each
const FOURS = BLOCK / 4u;
const WIDTH = TILE / ROWS;  // invocations

@compute @workgroup_size(WIDTH)
fn backward_q(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
              @builtin(local_invocation_index) lane: u32) {
  let index = group.y * groups.x + group.x;
  let tiles = (params.T + TILE - 1u) / TILE;
  if (index >= tiles * params.H) { return; }
  let tile = tiles - 1u - index / params.H;  // causal: the long rows first
  let h = index % params.H;
  let g = h / (params.H / params.KV);
  let d_end = select(params.D / 4u, D4, UNROLL);
  let key_lane = spread_lane();
  let row_end = min(tile * TILE + TILE, params.T);

  var t: array<u32, ROWS>;
  var row: array<u32, ROWS>;
  var stat: array<vec2f, ROWS>;
  var acc: array<array<vec4f, D4>, ROWS>;
  for (var r = 0u; r < ROWS; r++) {
    t[r] = tile * TILE + r * WIDTH + lane;
    let at = min(t[r], params.T - 1u) * params.H + h;
    row[r] = at * d_end;
    stat[r] = stats[at];
  }

  let met = segments_of_tile(tile);
  for (var index = met.x; index < met.y; index++) {
    let s = segment_at(params.segments_at, index);
    if (s.query_begin >= row_end || s.query_end <= tile * TILE) { continue; }
    for (var range = 0u; range < 2u; range++) {
      let own = range == 1u;
      let begin = select(s.prefix_begin, s.key_begin, own);
      let end = select(s.prefix_end, own_end(s, min(row_end, s.query_end) - 1u), own);
      var limit: array<u32, ROWS>;
      for (var r = 0u; r < ROWS; r++) {
        limit[r] = select(0u, select(s.prefix_end, own_end(s, t[r]), own), has_query(s, t[r]));
      }
      for (var j = begin; j < end; j += BLOCK) {
        var ds = array<array<vec4f, FOURS>, ROWS>();  // q·k first
        var dp = array<array<vec4f, FOURS>, ROWS>();
        for (var d = 0u; d < d_end; d++) {
          var q_d: array<vec4f, ROWS>;
          var do_d: array<vec4f, ROWS>;
          for (var r = 0u; r < ROWS; r++) {
            q_d[r] = vec4f(q[row[r] + d]);
            do_d[r] = vec4f(d_o[row[r] + d]);
          }
          for (var b = 0u; b < READS; b++) {
            var k_d: array<vec4f, LOADS>;
            var v_d: array<vec4f, LOADS>;
            for (var n = 0u; n < LOADS; n++) {
              let at = (min(j + b * LANES + n + key_lane, end - 1u) * params.KV + g) * d_end + d;
              k_d[n] = vec4f(k[at]);
              v_d[n] = vec4f(v[at]);
            }
            for (var i = 0u; i < LANES / 4u; i++) {
              let keys = four(k_d, i);
              let values = four(v_d, i);
              for (var r = 0u; r < ROWS; r++) {
                ds[r][b * LANES / 4u + i] += q_d[r] * keys;
                dp[r][b * LANES / 4u + i] += do_d[r] * values;
              }
            }
          }
        }
        for (var r = 0u; r < ROWS; r++) {
          for (var i = 0u; i < FOURS; i++) {
            let seen = vec4u(j + 4u * i) + vec4u(0u, 1u, 2u, 3u) < vec4u(limit[r]);
            let p = select(vec4f(), exp(ds[r][i] * params.scale - stat[r].x), seen);
            ds[r][i] = p * (dp[r][i] - stat[r].y) * params.scale;
          }
        }
        for (var d = 0u; d < d_end; d++) {
          var dq_d: array<vec4f, ROWS>;
          for (var r = 0u; r < ROWS; r++) { dq_d[r] = acc[r][d]; }
          for (var b = 0u; b < READS; b++) {
            var k_d: array<vec4f, LOADS>;
            for (var n = 0u; n < LOADS; n++) {
              k_d[n] = vec4f(k[(min(j + b * LANES + n + key_lane, end - 1u) * params.KV + g) * d_end + d]);
            }
            for (var i = 0u; i < LANES / 4u; i++) {
              let keys = four(k_d, i);
              for (var r = 0u; r < ROWS; r++) { dq_d[r] += keys * ds[r][b * LANES / 4u + i]; }
            }
          }
          for (var r = 0u; r < ROWS; r++) { acc[r][d] = dq_d[r]; }
        }
      }
    }
  }
  for (var r = 0u; r < ROWS; r++) {
    if (t[r] >= params.T) { continue; }
    for (var d = 0u; d < d_end; d++) { dq[row[r] + d] = vec4<scalar>(acc[r][d]); }
  }
}
