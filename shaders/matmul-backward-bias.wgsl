// Bias gradient of y = x·wᵀ + bias: db (=|+=) Σ_t dy[t].  dy [T, N] · db [N] f32
// A workgroup owns COLUMNS neighbouring columns; part p of PARTS adds rows p, p + PARTS, …, then one lane adds the
// parts in order.

struct Params { T: u32, N: u32, accumulate: u32 }

const COLUMNS = 16u;
const PARTS = 8u;

@group(0) @binding(0) var<storage, read> dy: array<scalar>;
@group(0) @binding(1) var<storage, read_write> db: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

var<workgroup> partial: array<f32, COLUMNS * PARTS>;

@compute @workgroup_size(COLUMNS, PARTS)
fn backward_bias(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
                 @builtin(local_invocation_id) local: vec3u) {
  let n = (group.y * groups.x + group.x) * COLUMNS + local.x;
  let column = min(n, params.N - 1);

  var sum = 0.0;
  for (var t = local.y; t < params.T; t += PARTS) { sum += f32(dy[t * params.N + column]); }
  partial[local.y * COLUMNS + local.x] = sum;
  workgroupBarrier();

  if (local.y == 0 && n < params.N) {
    var total = 0.0;
    for (var part = 0u; part < PARTS; part++) { total += partial[part * COLUMNS + local.x]; }
    db[n] = total + select(0.0, db[n], params.accumulate != 0);
  }
}
