// Draws one token per row of logits [B, V], in the order of Hugging Face's processors: bans, repetition penalty,
// temperature τ, top-k, top-p, min-p, then an inverse CDF. a_v is a logit after the penalty (a > 0: a/penalty, else
// a·penalty, for tokens in `seen`), w_v = e^((a_v − max a)/τ) its weight.
//   top-k: keep a_v ≥ the k-th largest, ties included.   top-p: keep v when the kept weight strictly above it is less
//   than p of all kept weight; ties stay together.       min-p: keep w_v ≥ min_p.
// Draw: u from Philox keyed by (seed, sequence, position); the CDF runs lane by lane, lane l owning l, l + LANES, …
// τ = 0: the largest a_v, the lowest index on a tie.  token 0xffffffff, logp NaN: nothing can be drawn.
// logp is of softmax(logits/τ) (τ = 1 when greedy) over the tokens not banned, without penalty and truncation: what
// training recomputes. One workgroup per row; LANES is part of the CDF's order and fixed. Thresholds are found on the
// logits' bits, 3 bits a pass, so no sorting. Twin: src/reference/sampling.ts. RNG: lib/rng.wgsl.

struct Params {
  B: u32, V: u32, W: u32, seed_lo: u32, seed_hi: u32, top_k: u32, has_seen: u32, has_slot: u32, temperature: f32,
  top_p: f32, min_p: f32, penalty: f32,
}

const LANES = 256u;
const NONE = 0xffffffffu;
const LOWEST = -3.4028234e38f;

@group(0) @binding(0) var<storage, read> logits: array<f32>;
@group(0) @binding(1) var<storage, read_write> token: array<u32>;
@group(0) @binding(2) var<storage, read_write> logp: array<f32>;
@group(0) @binding(3) var<storage, read> sequence: array<u32>;
@group(0) @binding(4) var<storage, read> position: array<u32>;
@group(0) @binding(5) var<storage, read> banned: array<u32>;
@group(0) @binding(6) var<storage, read> seen: array<u32>;
@group(0) @binding(7) var<storage, read> slot: array<u32>;
@group(1) @binding(0) var<uniform> params: Params;

var<workgroup> scratch_0: array<vec4f, LANES>;
var<workgroup> scratch_1: array<vec4f, LANES>;
var<workgroup> leaders: array<vec2u, LANES>;  // key, index
var<workgroup> pick: vec2f;                   // the lane that holds the draw, what of the draw is left for it

fn has_bit(word: u32, v: u32) -> bool { return ((word >> (v % 32)) & 1) != 0; }

// −∞ is as good as banned.
fn allowed(row: u32, v: u32) -> bool {
  return !has_bit(banned[v / 32], v) && bitcast<u32>(logits[row + v]) != 0xff800000u;
}

// The logit after the penalty; seen_row is the first word of the row's bits.
fn penalised(row: u32, seen_row: u32, v: u32) -> f32 {
  let z = logits[row + v];
  if (params.has_seen == 0 || !has_bit(seen[seen_row + v / 32], v)) { return z; }
  return select(z * params.penalty, z * (1.0 / params.penalty), z > 0.0);
}

// 16, as a number no compiler knows: Mesa's software driver would unroll the loops below, and take a minute over it.
fn sixteen() -> u32 { return 16 + (params.has_slot >> 1); }

struct Sums { low: vec4f, high: vec4f }

// Sums over the workgroup in a fixed order, sixteen and sixteen: three barriers, where a binary tree takes nine, which
// is what software adapters pay for.
fn merge_sums(lane: u32, low: vec4f, high: vec4f) -> Sums {
  scratch_0[lane] = low;
  scratch_1[lane] = high;
  workgroupBarrier();
  if (lane < 16) {
    var part = Sums(vec4f(0.0), vec4f(0.0));
    for (var i = lane * 16; i < lane * 16 + sixteen(); i++) { part.low += scratch_0[i]; part.high += scratch_1[i]; }
    scratch_0[lane * 16] = part.low;
    scratch_1[lane * 16] = part.high;
  }
  workgroupBarrier();
  var sums = Sums(vec4f(0.0), vec4f(0.0));
  for (var i = 0u; i < LANES; i += sixteen()) { sums.low += scratch_0[i]; sums.high += scratch_1[i]; }
  workgroupBarrier();  // the scratch may be used again
  return sums;
}

// Sums of 1 (or of weights w) over the allowed tokens whose key is at least floor_key and base + j·2^shift, j = 1 … 7.
// Returns how many of these seven sums reach `bound`; they fall with j.
fn descend(row: u32, seen_row: u32, lane: u32, base: u32, shift: u32, weighted: bool, floor_key: u32, top: f32,
           inverse: f32, bound: f32) -> u32 {
  var low = vec4f(0.0);
  var high = vec4f(0.0);
  for (var v = lane; v < params.V; v += LANES) {
    if (!allowed(row, v)) { continue; }
    let a = penalised(row, seen_row, v);
    let key = key_of(a);
    if (key < floor_key || key < base) { continue; }
    let j = min((key - base) >> shift, 7u);
    let w = select(1.0, exp((a - top) * inverse), weighted);
    low += select(vec4f(0.0), vec4f(w), vec4u(1, 2, 3, 4) <= vec4u(j));
    high += select(vec4f(0.0), vec4f(w), vec4u(5, 6, 7, 8) <= vec4u(j));
  }
  let sums = merge_sums(lane, low, high);
  let l = sums.low;
  let h = sums.high;
  let reached = u32(l.x >= bound) + u32(l.y >= bound) + u32(l.z >= bound) + u32(l.w >= bound);
  return reached + u32(h.x >= bound) + u32(h.y >= bound) + u32(h.z >= bound);
}

// The largest key such that the tokens (or their weights) at or above it sum to at least bound > 0; 0 if none does.
// 2 bits of it in the first pass, 3 in each of ten more.
fn threshold(row: u32, seen_row: u32, lane: u32, weighted: bool, floor_key: u32, top: f32, inverse: f32,
             bound: f32) -> u32 {
  var base = 0u;
  for (var shift = 30i; shift >= 0; shift -= 3) {
    base += descend(row, seen_row, lane, base, u32(shift), weighted, floor_key, top, inverse, bound) << u32(shift);
  }
  return base;
}

@compute @workgroup_size(LANES)
fn sample(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
          @builtin(local_invocation_index) lane: u32) {
  let b = group.y * groups.x + group.x;
  if (b >= params.B) { return; }
  let row = b * params.V;
  var seen_row = b * params.W;
  if (params.has_slot != 0) { seen_row = slot[b] * params.W; }
  let greedy = params.temperature <= 0.0;
  let inverse = select(1.0 / params.temperature, 1.0, greedy);

  // The leader after the penalty (lowest index on a tie), the largest plain logit, and whether one is not finite.
  var leader = vec2u(0u, NONE);
  var peak = LOWEST;
  var bad = 0.0;
  for (var v = lane; v < params.V; v += LANES) {
    if (!allowed(row, v)) { continue; }
    let key = key_of(penalised(row, seen_row, v));
    if (key > leader.x) { leader = vec2u(key, v); }
    peak = max(peak, logits[row + v]);
    if (!is_finite(logits[row + v])) { bad = 1.0; }
  }
  leaders[lane] = leader;
  scratch_0[lane] = vec4f(peak, bad, 0.0, 0.0);
  workgroupBarrier();
  if (lane < 16) {
    for (var i = lane * 16 + 1; i < lane * 16 + sixteen(); i++) {
      leaders[lane * 16] = ahead(leaders[lane * 16], leaders[i]);
      scratch_0[lane * 16] = max(scratch_0[lane * 16], scratch_0[i]);
    }
  }
  workgroupBarrier();
  for (var i = 0u; i < LANES; i += sixteen()) {
    leader = ahead(leader, leaders[i]);
    peak = max(peak, scratch_0[i].x);
    bad = max(bad, scratch_0[i].y);
  }
  workgroupBarrier();
  let top = penalised(row, seen_row, min(leader.y, params.V - 1));

  // The least key that top-k, and then top-p, keep. One loop over the two, for compilers that inline everything.
  var keep = 0u;
  for (var stage = 0u; stage < 2; stage++) {
    let weighted = stage == 1;
    if (greedy || (!weighted && params.top_k == 0) || (weighted && params.top_p >= 1.0)) { continue; }
    var bound = f32(params.top_k);
    if (weighted) {
      var kept = 0.0;
      for (var v = lane; v < params.V; v += LANES) {
        let a = penalised(row, seen_row, v);
        if (allowed(row, v) && key_of(a) >= keep) { kept += exp((a - top) * inverse); }
      }
      bound = max(params.top_p * merge_sums(lane, vec4f(kept), vec4f(0.0)).low.x, 1e-30);
    }
    keep = max(keep, min(threshold(row, seen_row, lane, weighted, keep, top, inverse, bound), leader.x));
  }

  // This lane's part of what is left, and of the normaliser of logp.
  var mass = 0.0;
  var normaliser = 0.0;
  for (var v = lane; v < params.V; v += LANES) {
    if (!allowed(row, v)) { continue; }
    normaliser += exp((logits[row + v] - peak) * inverse);
    let a = penalised(row, seen_row, v);
    let w = exp((a - top) * inverse);
    if (key_of(a) >= keep && w >= params.min_p) { mass += w; }
  }
  normaliser = merge_sums(lane, vec4f(normaliser), vec4f(0.0)).low.x;
  scratch_0[lane].x = mass;
  workgroupBarrier();
  if (lane == 0) {
    var total = 0.0;
    for (var l = 0u; l < LANES; l++) { total += scratch_0[l].x; }
    let draw = total * uniform_at(vec2u(params.seed_lo, params.seed_hi), sequence[b], position[b], 0u);
    var before = 0.0;
    var owner = 0u;
    for (var l = 0u; l < LANES; l++) {
      let next = before + scratch_0[l].x;
      if (next > draw) { owner = l; break; }
      before = next;
    }
    pick = vec2f(f32(owner), draw - before);
  }
  workgroupBarrier();

  let undrawable = leader.y == NONE || bad != 0.0;
  if (lane != u32(pick.x)) { return; }
  var drawn = leader.y;
  if (!greedy && !undrawable) {
    var sum = 0.0;
    for (var v = lane; v < params.V; v += LANES) {
      if (!allowed(row, v)) { continue; }
      let a = penalised(row, seen_row, v);
      let w = exp((a - top) * inverse);
      if (key_of(a) < keep || w < params.min_p) { continue; }
      drawn = v;  // should rounding leave the draw beyond the last token, it is the last
      sum += w;
      if (sum > pick.y) { break; }
    }
  }
  if (undrawable) {
    token[b] = NONE;
    logp[b] = quiet_nan(b);
  } else {
    token[b] = drawn;
    logp[b] = (logits[row + drawn] - peak) * inverse - log(normaliser);
  }
}
