// Rotary position embedding, rotate-half form. Over the pairs (i, i + D/2) of each head:
//   y_i = x_i cos − x_{i+D/2} sin,  y_{i+D/2} = x_{i+D/2} cos + x_i sin,  angle = position[axes[i], t] · inverse_frequencies[i]
// x, y [T, H, D] · cosines, sines [T, P] with P = D/2 · positions [A, T], one row per axis · inverse_frequencies, axes [P].
// The axes table makes it 1-D rope, either form of multi-axis rope, or the 2-D rope of a vision tower.
// The backward is the rotation by the negative angle: direction = -1.
// One invocation per pair, which alone reads and writes it, so that a tensor can be rotated in place.
// The angle is one f32 product, as in the public implementations. Su et al. 2021, arXiv:2104.09864.

struct Params { T: u32, H: u32, P: u32, direction: f32 }

@group(0) @binding(0) var<storage, read> positions: array<i32>;
@group(0) @binding(1) var<storage, read> inverse_frequencies: array<f32>;
@group(0) @binding(2) var<storage, read> axes: array<u32>;
@group(0) @binding(3) var<storage, read_write> cosines: array<f32>;
@group(0) @binding(4) var<storage, read_write> sines: array<f32>;
@group(0) @binding(5) var<storage, read_write> x: array<scalar>;
@group(0) @binding(6) var<storage, read_write> y: array<scalar>;
@group(1) @binding(0) var<uniform> params: Params;

const LANES = 64u;

@compute @workgroup_size(LANES)
fn angles(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
          @builtin(local_invocation_index) lane: u32) {
  let index = (group.y * groups.x + group.x) * LANES + lane;
  let t = index / params.P;
  let i = index % params.P;
  if (t >= params.T) { return; }
  let turned = cos_sin(f32(positions[axes[i] * params.T + t]) * inverse_frequencies[i]);
  cosines[index] = turned.x;
  sines[index] = turned.y;
}

struct Pair { low: u32, high: u32, turn: vec2f, inside: bool }

// The pair an invocation owns: its two elements in [T, H, D], and the cosine and sine it turns by.
fn pair_of(index: u32) -> Pair {
  let i = index % params.P;
  let row = index / params.P;  // t · H + h
  let t = row / params.H;
  if (t >= params.T) { return Pair(0, 0, vec2f(), false); }
  let angle = t * params.P + i;
  let low = row * 2 * params.P + i;
  return Pair(low, low + params.P, vec2f(cosines[angle], params.direction * sines[angle]), true);
}

@compute @workgroup_size(LANES)
fn rotate(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
          @builtin(local_invocation_index) lane: u32) {
  let pair = pair_of((group.y * groups.x + group.x) * LANES + lane);
  if (!pair.inside) { return; }
  let low = f32(x[pair.low]);
  let high = f32(x[pair.high]);
  x[pair.low] = scalar(low * pair.turn.x - high * pair.turn.y);
  x[pair.high] = scalar(high * pair.turn.x + low * pair.turn.y);
}

@compute @workgroup_size(LANES)
fn rotate_to(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
             @builtin(local_invocation_index) lane: u32) {
  let pair = pair_of((group.y * groups.x + group.x) * LANES + lane);
  if (!pair.inside) { return; }
  let low = f32(x[pair.low]);
  let high = f32(x[pair.high]);
  y[pair.low] = scalar(low * pair.turn.x - high * pair.turn.y);
  y[pair.high] = scalar(high * pair.turn.x + low * pair.turn.y);
}
