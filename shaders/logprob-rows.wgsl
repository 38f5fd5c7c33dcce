// logprob.wgsl's update, one lane per row instead of one workgroup: no barrier and no shared memory, which is what CPUs
// that play a GPU pay for. Each row is one chain of sums over ascending entries.

struct Params { T: u32, N: u32, begin: u32, first: u32, has_banned: u32, has_dentropy: u32, temperature: f32 }

const IGNORED = 0xffffffffu;
const LOWEST = -3.4028234e38f;

override ROWS_PER_GROUP: u32 = 8;

@group(0) @binding(0) var<storage, read> z: array<f32>;
@group(0) @binding(1) var<storage, read> targets: array<u32>;
@group(0) @binding(2) var<storage, read> banned: array<u32>;
@group(0) @binding(3) var<storage, read_write> state: array<vec4f>;
@group(1) @binding(0) var<uniform> params: Params;

fn is_banned(v: u32) -> bool {
  return params.has_banned != 0 && ((banned[v / 32] >> (v % 32)) & 1) != 0;
}

// Folds a chunk of logits into the row's state.
@compute @workgroup_size(ROWS_PER_GROUP)
fn update(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
          @builtin(local_invocation_index) lane: u32) {
  let t = (group.y * groups.x + group.x) * ROWS_PER_GROUP + lane;
  if (t >= params.T) { return; }
  let c = targets[t];
  if (c == IGNORED) { return; }
  let row = t * params.N;
  let inverse = 1.0 / params.temperature;

  var peak = LOWEST;
  for (var n = 0u; n < params.N; n++) {
    if (!is_banned(params.begin + n)) { peak = max(peak, z[row + n] * inverse); }
  }
  var sums = vec2f(0.0);
  for (var n = 0u; n < params.N; n++) {
    let d = z[row + n] * inverse - peak;
    let e = select(exp(d), 0.0, is_banned(params.begin + n));
    sums += vec2f(e, select(d * e, 0.0, e == 0.0));
  }

  var joined = vec3f(peak, sums);
  var target_z = 0.0;
  if (params.first == 0) {
    joined = join(state[t], peak, sums.x, sums.y);
    target_z = state[t].w;
  }
  if (c >= params.begin && c - params.begin < params.N) {
    target_z = select(z[row + c - params.begin] * inverse, LOWEST, is_banned(c));
  }
  state[t] = vec4f(joined, target_z);
}
