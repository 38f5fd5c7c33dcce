// Conversion of a weight's rows from the values of a checkpoint.
// x: `count` rows of K values from element `first` on, f32 or (ENCODING 1, 2) f16 or bf16 packed two per word.
// The rows go to data_row and scales_row of what is bound; see src/kernels/weight.ts for the layouts.
// affine: to unsigned integers of BITS bits with, per group of `group` values, half floats s and b: w = s · q + b.
//   b is the largest half ≤ min x and s the smallest half ≥ (max x − b) / (2^BITS − 1), so that every value lies between
//   the levels 0 and 2^BITS − 1 and |w − x| ≤ s/2. q is the nearest level, the lower of two as near. Halves, and the
//   level by comparison of exact products, are chosen so that every device and src/reference/quantize.ts give the same
//   bits. Padding behind K has level 0. One invocation per group.
// halves, floats: to f16 (nearest, ties to even) and to f32 (exact). One invocation per word of data.

struct Params { K: u32, group: u32, first: u32, count: u32, data_row: u32, scales_row: u32, words: u32 }

override BITS: u32 = 4;
override ENCODING: u32 = 0;

@group(0) @binding(0) var<storage, read> x: array<x_word>;
@group(0) @binding(1) var<storage, read_write> data: array<data_word>;
@group(0) @binding(2) var<storage, read_write> scales: array<u32>;
@group(1) @binding(0) var<uniform> params: Params;

const LANES = 64u;

fn value(row: u32, k: u32) -> f32 {
  let at = params.first + row * params.K + k;
  if (ENCODING == 0) { return bitcast<f32>(x[at]); }
  let bits = (bitcast<u32>(x[at / 2]) >> (at % 2 * 16)) & 0xffffu;
  if (ENCODING == 1) { return half_value(bits); }
  return bitcast<f32>(bits << 16);
}

// The level whose distance from d = x − b is least.
fn level(d: f32, s: f32) -> u32 {
  let top = f32((1u << BITS) - 1);
  let near = clamp(round(d / s), 0.0, top);  // division may be off by a few ulp: the neighbours are tried
  var best = max(near - 1, 0.0);
  for (var q = best + 1; q <= min(near + 1, top); q += 1) {
    if (abs(d - s * q) < abs(d - s * best)) { best = q; }
  }
  return u32(best);
}

@compute @workgroup_size(LANES)
fn affine(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
          @builtin(local_invocation_index) lane: u32) {
  let per_row = (params.K + params.group - 1) / params.group;
  let i = (group.y * groups.x + group.x) * LANES + lane;
  if (i >= params.count * per_row) { return; }
  let row = i / per_row;
  let begin = i % per_row * params.group;
  let end = min(begin + params.group, params.K);

  var low = value(row, begin);
  var high = low;
  for (var k = begin + 1; k < end; k++) {
    let v = value(row, k);
    low = min(low, v);
    high = max(high, v);
  }
  let bias_half = half_below(low);
  let b = half_value(bias_half);
  let scale_half = half_above((high - b) * (1.0 / f32((1u << BITS) - 1)));
  let s = half_value(scale_half);
  scales[(params.scales_row + row) * per_row + begin / params.group] = scale_half | (bias_half << 16);

  let per_word = 32 / BITS;
  let first_word = ((params.data_row + row) * per_row * params.group + begin) / per_word;
  for (var w = 0u; w < params.group / per_word; w++) {
    var word = 0u;
    for (var j = 0u; j < per_word; j++) {
      let k = begin + w * per_word + j;
      if (k < end && scale_half != 0) { word |= level(value(row, k) - b, s) << (j * BITS); }
    }
    data[first_word + w] = bitcast<data_word>(word);
  }
}

@compute @workgroup_size(LANES)
fn halves(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
          @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * groups.x + group.x) * LANES + lane;
  if (i >= params.count * params.words) { return; }
  let row = i / params.words;
  let k = i % params.words * 2;
  var word = half_nearest(value(row, k));
  if (k + 1 < params.K) { word |= half_nearest(value(row, k + 1)) << 16; }
  data[(params.data_row + row) * params.words + k / 2] = bitcast<data_word>(word);
}

@compute @workgroup_size(LANES)
fn floats(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
          @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * groups.x + group.x) * LANES + lane;
  if (i >= params.count * params.words) { return; }
  data[params.data_row * params.words + i] = bitcast<data_word>(value(i / params.words, i % params.words));
}
