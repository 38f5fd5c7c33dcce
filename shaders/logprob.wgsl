// Log-probability and entropy of one token per row, over a vocabulary that is streamed chunk by chunk: with logits
// z = x · Wᵀ and temperature τ,  lse = log Σ_v e^(z_v/τ),  logp = z_c/τ − lse,  entropy = lse − Σ_v p_v z_v/τ.
// z [T, N] is the scratch for one chunk: entries begin … begin + N − 1 of the vocabulary. targets, logp, entropy, lse [T].
// state [T, 4] over the chunks so far: see lib/logprob-state.wgsl; all with z/τ.
// Backward: dz_v = (dlogp (1[v=c] − p_v) − dentropy p_v (log p_v + entropy)) / τ, in place of the recomputed z.
// A target of 0xffffffff makes a row of zeros. Entries whose bit is set in `banned` are outside the softmax.
// One workgroup per row, LANES lanes striding over the chunk, sums in one order for a given LANES: by sixteens, which
// takes fewer barriers than a binary tree. LANES is a multiple of 16.

struct Params { T: u32, N: u32, begin: u32, first: u32, has_banned: u32, has_dentropy: u32, temperature: f32 }

const IGNORED = 0xffffffffu;
const LOWEST = -3.4028234e38f;

override LANES: u32 = 64;

@group(0) @binding(0) var<storage, read_write> z: array<f32>;
@group(0) @binding(1) var<storage, read> targets: array<u32>;
@group(0) @binding(2) var<storage, read> banned: array<u32>;
@group(0) @binding(3) var<storage, read_write> state: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> logp: array<f32>;
@group(0) @binding(5) var<storage, read_write> entropy: array<f32>;
@group(0) @binding(6) var<storage, read_write> lse: array<f32>;
@group(0) @binding(7) var<storage, read> row_lse: array<f32>;
@group(0) @binding(8) var<storage, read> row_entropy: array<f32>;
@group(0) @binding(9) var<storage, read> dlogp: array<f32>;
@group(0) @binding(10) var<storage, read> dentropy: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

var<workgroup> pairs: array<vec2f, LANES>;

fn is_banned(v: u32) -> bool {
  return params.has_banned != 0 && ((banned[v / 32] >> (v % 32)) & 1) != 0;
}

// 16, as a number no compiler knows: Mesa's software driver would unroll the loops below, and take most of a minute.
fn sixteen() -> u32 { return 16 + (params.has_banned >> 1); }

// Folds a chunk of logits into the row's state.
@compute @workgroup_size(LANES)
fn update(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
          @builtin(local_invocation_index) lane: u32) {
  let t = group.y * groups.x + group.x;
  if (t >= params.T || targets[min(t, params.T - 1)] == IGNORED) { return; }
  let row = t * params.N;
  let inverse = 1.0 / params.temperature;

  var peak = LOWEST;
  for (var n = lane; n < params.N; n += LANES) {
    if (!is_banned(params.begin + n)) { peak = max(peak, z[row + n] * inverse); }
  }
  pairs[lane] = vec2f(peak, 0.0);
  workgroupBarrier();
  if (lane < LANES / 16) {
    for (var i = lane * 16; i < lane * 16 + sixteen(); i++) { peak = max(peak, pairs[i].x); }
    pairs[lane * 16].x = peak;
  }
  workgroupBarrier();
  for (var i = 0u; i < LANES; i += sixteen()) { peak = max(peak, pairs[i].x); }
  workgroupBarrier();

  var sums = vec2f(0.0);  // s and u of this chunk
  for (var n = lane; n < params.N; n += LANES) {
    if (is_banned(params.begin + n)) { continue; }
    let d = z[row + n] * inverse - peak;
    let e = exp(d);
    sums += vec2f(e, d * e);
  }
  pairs[lane] = sums;
  workgroupBarrier();
  if (lane < LANES / 16) {
    sums = vec2f(0.0);
    for (var i = lane * 16; i < lane * 16 + sixteen(); i++) { sums += pairs[i]; }
    pairs[lane * 16] = sums;
  }
  workgroupBarrier();
  if (lane != 0) { return; }
  sums = vec2f(0.0);
  for (var i = 0u; i < LANES; i += sixteen()) { sums += pairs[i]; }

  var joined = vec3f(peak, sums);
  var target_z = 0.0;
  if (params.first == 0) {
    joined = join(state[t], peak, sums.x, sums.y);
    target_z = state[t].w;
  }
  let c = targets[t];
  if (c >= params.begin && c - params.begin < params.N) {
    target_z = select(z[row + c - params.begin] * inverse, LOWEST, is_banned(c));
  }
  state[t] = vec4f(joined, target_z);
}

// One invocation per row.
@compute @workgroup_size(64)
fn finish(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
          @builtin(local_invocation_index) lane: u32) {
  let t = (group.y * groups.x + group.x) * 64 + lane;
  if (t >= params.T) { return; }
  let row = state[t];
  let used = targets[t] != IGNORED;
  let log_s = log(row.y);
  logp[t] = select(0.0, (row.w - row.x) - log_s, used);
  entropy[t] = select(0.0, log_s - row.z / row.y, used);
  lse[t] = select(0.0, row.x + log_s, used);
}

// Turns a chunk's logits into their gradient.
@compute @workgroup_size(LANES)
fn backward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
            @builtin(local_invocation_index) lane: u32) {
  let t = group.y * groups.x + group.x;
  if (t >= params.T) { return; }
  let row = t * params.N;
  let c = targets[t];
  let inverse = 1.0 / params.temperature;
  let g = dlogp[t];
  for (var n = lane; n < params.N; n += LANES) {
    let v = params.begin + n;
    var dz = 0.0;
    if (c != IGNORED && !is_banned(v)) {
      let log_p = z[row + n] * inverse - row_lse[t];
      let p = exp(log_p);
      dz = g * (select(0.0, 1.0, v == c) - p);
      if (params.has_dentropy != 0) { dz -= dentropy[t] * p * (log_p + row_entropy[t]); }
    }
    z[row + n] = dz * inverse;
  }
}
