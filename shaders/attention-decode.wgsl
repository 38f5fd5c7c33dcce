// Attention of a few query rows over a key/value cache: attention.wgsl for decoding, where a segment holds one token.
// q, o [B, H, D] · k, v [Tk, KV, D], D a multiple of 4 up to 4 WIDTH. A row that sees no key gets o = 0.
//
// One workgroup of WIDTH lanes per (row, query head). Its keys (prefix, then own range, as one list) come in chunks of
// SHARE per lane: a lane first scores its keys, then follows one online-softmax step, then a lane owns four columns of v
// and every `parts`-th key of the chunk, and at last the parts are added up.
// Accumulates in f32 in one order, which is not attention.wgsl's. Dao et al. 2023, "Flash-Decoding".

struct Params { B: u32, H: u32, KV: u32, D: u32, segments_at: u32, scale: f32 }

@group(0) @binding(0) var<storage, read> q: array<vec4<scalar>>;
@group(0) @binding(1) var<storage, read> k: array<vec4<scalar>>;
@group(0) @binding(2) var<storage, read> v: array<vec4<scalar>>;
@group(0) @binding(3) var<storage, read> table: array<u32>;
@group(0) @binding(4) var<storage, read_write> o: array<vec4<scalar>>;
@group(1) @binding(0) var<uniform> params: Params;

const EDGE = 8u;
const WIDTH = EDGE * EDGE;
const SHARE = 4u;
const CHUNK = WIDTH * SHARE;
const LOWEST = -1e30;  // stands for -∞ where -∞ - -∞ would be NaN
const HIDDEN = -3e38;

var<workgroup> weights: array<f32, CHUNK>;
var<workgroup> lanes: array<f32, WIDTH>;
var<workgroup> edges: array<f32, EDGE>;
var<workgroup> columns: array<vec4f, WIDTH>;

@compute @workgroup_size(WIDTH)
fn decode(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
          @builtin(local_invocation_index) lane: u32) {
  let index = group.y * groups.x + group.x;
  if (index >= params.B * params.H) { return; }
  let b = index / params.H;
  let g = (index % params.H) / (params.H / params.KV);
  let d_end = params.D / 4u;
  let parts = WIDTH / d_end;
  let part = lane / d_end;
  let column = lane % d_end;

  let s = segment_of(b);
  let prefix = s.prefix_end - s.prefix_begin;
  let count = select(0u, prefix + own_end(s, b) - s.key_begin, has_query(s, b));

  var acc = vec4f();
  var m = LOWEST;
  var l = 0.0;  // over the lane's keys alone
  for (var begin = 0u; begin < count; begin += CHUNK) {
    var row: array<u32, SHARE>;
    var score = array<f32, SHARE>();
    for (var n = 0u; n < SHARE; n++) {
      row[n] = (key_row(s, prefix, min(begin + n * WIDTH + lane, count - 1u)) * params.KV + g) * d_end;
    }
    // Whole groups of keys beyond the end are left out, in all lanes alike.
    let shares = min(SHARE, (count - begin + WIDTH - 1u) / WIDTH);
    for (var d = 0u; d < d_end; d++) {
      let q_d = vec4f(q[index * d_end + d]);
      for (var n = 0u; n < SHARE; n++) {
        if (n < shares) { score[n] = dot_add(q_d, vec4f(k[row[n] + d]), score[n]); }
      }
    }
    var highest = HIDDEN;
    for (var n = 0u; n < SHARE; n++) {
      score[n] = select(HIDDEN, score[n] * params.scale, begin + n * WIDTH + lane < count);
      highest = max(highest, score[n]);
    }
    highest = max(m, workgroup_max(highest, lane));
    let shrink = exp(m - highest);
    m = highest;
    l *= shrink;
    for (var n = 0u; n < SHARE; n++) {
      let p = exp(score[n] - highest);
      weights[n * WIDTH + lane] = p;
      l += p;
    }
    workgroupBarrier();
    acc *= shrink;
    let end = select(0u, min(CHUNK, count - begin), part < parts);
    for (var i = part; i < end; i += parts) {
      let at = (key_row(s, prefix, begin + i) * params.KV + g) * d_end + column;
      acc = fma(vec4f(weights[i]), vec4f(v[at]), acc);
    }
  }

  columns[lane] = acc;
  let sum = workgroup_total(l, lane);
  if (lane < d_end) {
    var total = vec4f();
    for (var i = 0u; i < parts; i++) { total += columns[i * d_end + lane]; }
    o[index * d_end + lane] = vec4<scalar>(total * select(0.0, 1.0 / sum, m > LOWEST));
  }
}

// The largest of the lanes' values. EDGE lanes read EDGE values each: two barriers, where a tree needs six. The barrier
// between two calls is the caller's.
fn workgroup_max(value: f32, lane: u32) -> f32 {
  lanes[lane] = value;
  workgroupBarrier();
  if (lane < EDGE) {
    var highest = lanes[lane];
    for (var i = 1u; i < EDGE; i++) { highest = max(highest, lanes[i * EDGE + lane]); }
    edges[lane] = highest;
  }
  workgroupBarrier();
  var highest = edges[0];
  for (var i = 1u; i < EDGE; i++) { highest = max(highest, edges[i]); }
  return highest;
}

fn workgroup_total(value: f32, lane: u32) -> f32 {
  lanes[lane] = value;
  workgroupBarrier();
  if (lane < EDGE) {
    var sum = 0.0;
    for (var i = 0u; i < EDGE; i++) { sum += lanes[i * EDGE + lane]; }
    edges[lane] = sum;
  }
  workgroupBarrier();
  var sum = 0.0;
  for (var i = 0u; i < EDGE; i++) { sum += edges[i]; }
  return sum;
}
