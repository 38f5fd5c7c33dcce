// Backward of attention.wgsl to keys and values, from q, k, v, d_o = dL/do and stats [T, H, 2] = (lse, δ = d_o · o). With
// p_tj = exp(scale · q_t·k_j − lse_t), recomputed block by block:
//   ds_tj = p_tj (d_o_t·v_j − δ_t) · scale,   dk_j = Σ_t ds_tj q_t,   dv_j = Σ_t p_tj d_o_t
// summed over every query that sees key j: of all segments (a shared prefix is seen by many) and of the H/KV query heads
// of the kv head. q, d_o [T, H, D] · k, v, dk, dv [Tk, KV, D]. dk and dv are overwritten, with zero where nobody looks.
//
// A workgroup owns TILE key rows of one kv head, an invocation ROWS of them; queries come in blocks of BLOCK. No
// atomics: each gradient has one owner, which adds in f32 in one order (segments, prefix before own range, heads,
// queries, ascending). Constants as in the forward. Dao et al. 2022, arXiv:2205.14135, appendix B.

struct Params { Tk: u32, H: u32, KV: u32, D: u32, key_tiles_at: u32, segments_at: u32, scale: f32 }

@group(0) @binding(0) var<storage, read> q: array<vec4<scalar>>;
@group(0) @binding(1) var<storage, read> k: array<vec4<scalar>>;
@group(0) @binding(2) var<storage, read> v: array<vec4<scalar>>;
@group(0) @binding(3) var<storage, read> table: array<u32>;
@group(0) @binding(4) var<storage, read> d_o: array<vec4<scalar>>;
@group(0) @binding(5) var<storage, read> stats: array<vec2f>;
@group(0) @binding(6) var<storage, read_write> dk: array<vec4<scalar>>;
@group(0) @binding(7) var<storage, read_write> dv: array<vec4<scalar>>;
@group(1) @binding(0) var<uniform> params: Params;

const READS = BLOCK / LANES;  // of LANES rows each
const FOURS = BLOCK / 4u;
const WIDTH = TILE / ROWS;  // invocations

@compute @workgroup_size(WIDTH)
fn backward_kv(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
               @builtin(local_invocation_index) lane: u32) {
  let index = group.y * groups.x + group.x;
  let tile = index / params.KV;
  if (tile * TILE >= params.Tk) { return; }
  let g = index % params.KV;
  let h_count = params.H / params.KV;
  let d_end = select(params.D / 4u, D4, UNROLL);
  let query_lane = spread_lane();
  let tile_begin = tile * TILE;
  let tile_end = min(tile_begin + TILE, params.Tk);

  var j: array<u32, ROWS>;
  var row: array<u32, ROWS>;
  var dk_acc: array<array<vec4f, D4>, ROWS>;
  var dv_acc: array<array<vec4f, D4>, ROWS>;
  for (var r = 0u; r < ROWS; r++) {
    j[r] = tile_begin + r * WIDTH + lane;
    row[r] = (min(j[r], params.Tk - 1u) * params.KV + g) * d_end;
  }

  let met = segments_of_tile(params.key_tiles_at + tile);
  for (var index = met.x; index < met.y; index++) {
    let s = segment_at(params.segments_at, index);
    for (var range = 0u; range < 2u; range++) {
      let own = range == 1u;
      let begin = max(tile_begin, select(s.prefix_begin, s.key_begin, own));
      let end = min(tile_end, select(s.prefix_end, s.key_end, own));
      if (begin >= end) { continue; }
      var first: array<u32, ROWS>;  // first query that sees the row
      for (var r = 0u; r < ROWS; r++) {
        let seen = select(s.query_begin, first_query(s, j[r]), own);
        first[r] = select(s.query_end, seen, j[r] >= begin && j[r] < end);
      }
      let t_begin = select(s.query_begin, first_query(s, begin), own);
      for (var head = 0u; head < h_count; head++) {
        let h = g * h_count + head;
        for (var t = t_begin; t < s.query_end; t += BLOCK) {
          var p = array<array<vec4f, FOURS>, ROWS>();  // q·k first
          var ds = array<array<vec4f, FOURS>, ROWS>();  // d_o·v first
          for (var d = 0u; d < d_end; d++) {
            var k_d: array<vec4f, ROWS>;
            var v_d: array<vec4f, ROWS>;
            for (var r = 0u; r < ROWS; r++) {
              k_d[r] = vec4f(k[row[r] + d]);
              v_d[r] = vec4f(v[row[r] + d]);
            }
            for (var b = 0u; b < READS; b++) {
              var q_d: array<vec4f, LOADS>;
              var do_d: array<vec4f, LOADS>;
              for (var n = 0u; n < LOADS; n++) {
                let at = (min(t + b * LANES + n + query_lane, s.query_end - 1u) * params.H + h) * d_end + d;
                q_d[n] = vec4f(q[at]);
                do_d[n] = vec4f(d_o[at]);
              }
              for (var i = 0u; i < LANES / 4u; i++) {
                let queries = four(q_d, i);
                let d_outputs = four(do_d, i);
                for (var r = 0u; r < ROWS; r++) {
                  p[r][b * LANES / 4u + i] += k_d[r] * queries;
                  ds[r][b * LANES / 4u + i] += v_d[r] * d_outputs;
                }
              }
            }
          }
          for (var b = 0u; b < READS; b++) {
            var stat: array<vec4f, LOADS>;
            for (var n = 0u; n < LOADS; n++) {
              let at = min(t + b * LANES + n + query_lane, s.query_end - 1u) * params.H + h;
              stat[n] = vec4f(stats[at], 0.0, 0.0);
            }
            for (var i = 0u; i < LANES / 4u; i++) {
              let n = b * LANES / 4u + i;
              let lse_delta = transpose(four(stat, i));
              let query = vec4u(t + 4u * n) + vec4u(0u, 1u, 2u, 3u);
              for (var r = 0u; r < ROWS; r++) {
                let sees = (query >= vec4u(first[r])) & (query < vec4u(s.query_end));
                p[r][n] = select(vec4f(), exp(p[r][n] * params.scale - lse_delta[0]), sees);
                ds[r][n] = p[r][n] * (ds[r][n] - lse_delta[1]) * params.scale;
              }
            }
          }
          for (var d = 0u; d < d_end; d++) {
            var dk_d: array<vec4f, ROWS>;
            var dv_d: array<vec4f, ROWS>;
            for (var r = 0u; r < ROWS; r++) {
              dk_d[r] = dk_acc[r][d];
              dv_d[r] = dv_acc[r][d];
            }
            for (var b = 0u; b < READS; b++) {
              var q_d: array<vec4f, LOADS>;
              var do_d: array<vec4f, LOADS>;
              for (var n = 0u; n < LOADS; n++) {
                let at = (min(t + b * LANES + n + query_lane, s.query_end - 1u) * params.H + h) * d_end + d;
                q_d[n] = vec4f(q[at]);
                do_d[n] = vec4f(d_o[at]);
              }
              for (var i = 0u; i < LANES / 4u; i++) {
                let queries = four(q_d, i);
                let d_outputs = four(do_d, i);
                for (var r = 0u; r < ROWS; r++) {
                  dk_d[r] += queries * ds[r][b * LANES / 4u + i];
                  dv_d[r] += d_outputs * p[r][b * LANES / 4u + i];
                }
              }
            }
            for (var r = 0u; r < ROWS; r++) {
              dk_acc[r][d] = dk_d[r];
              dv_acc[r][d] = dv_d[r];
            }
          }
        }
      }
    }
  }
  for (var r = 0u; r < ROWS; r++) {
    if (j[r] >= tile_end) { continue; }
    for (var d = 0u; d < d_end; d++) {
      dk[row[r] + d] = vec4<scalar>(dk_acc[r][d]);
      dv[row[r] + d] = vec4<scalar>(dv_acc[r][d]);
    }
  }
}
