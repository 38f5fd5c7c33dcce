// Embedding lookup in a weight of any format, and its gradient.
// forward: y[t] = W[ids[t]], zeros for an id that is no row.  y [T, C] · ids [T] · W [N, C] as data [N, W] (words) and,
// for the quantized formats, scales [N, G] per group of columns: half floats s (low) and b (high), w = s · q + b.
// BITS is the format: 32 floats, 16 half floats, 8 and 4 unsigned integers, low first in each word.
// A weight above the binding limit comes in pieces of rows: a dispatch serves ids in [begin, begin + count), whose data
// start at data_row and whose scales at scales_row of what is bound; the first dispatch (clear = 1) zeroes all others.
// backward: dw[rows[u]] += Σ_j dy[order[j]], j in [offsets[u], offsets[u+1]): the tokens of each id lie together, in
// an order made on the host, so that every element of dw has one writer and one order of summation.
// One invocation per element of y, or of the touched rows of dw; workgroups beyond 65,535 continue in group.y.

struct Params {
  T: u32, C: u32, U: u32, W: u32, G: u32, group: u32,
  begin: u32, count: u32, data_row: u32, scales_row: u32, clear: u32,
}

override BITS: u32 = 32;

@group(0) @binding(0) var<storage, read> ids: array<u32>;
@group(0) @binding(1) var<storage, read> data: array<weight_scalar>;
@group(0) @binding(2) var<storage, read> scales: array<u32>;
@group(0) @binding(3) var<storage, read_write> y: array<scalar>;
@group(0) @binding(4) var<storage, read> dy: array<scalar>;
@group(0) @binding(5) var<storage, read> order: array<u32>;
@group(0) @binding(6) var<storage, read> offsets: array<u32>;
@group(0) @binding(7) var<storage, read> rows: array<u32>;
@group(0) @binding(8) var<storage, read_write> dw: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

const LANES = 64u;

// W[begin + row, c]
fn weight_at(row: u32, c: u32) -> f32 {
  let per_word = 32 / BITS;
  let word = bitcast<u32>(data[(params.data_row + row) * params.W + c / per_word]);
  if (BITS == 32) { return bitcast<f32>(word); }
  if (BITS == 16) { return unpack2x16float(word)[c % 2]; }
  let q = extractBits(word, c % per_word * BITS, BITS);
  let scale = unpack2x16float(scales[(params.scales_row + row) * params.G + c / params.group]);
  return scale[0] * f32(q) + scale[1];
}

@compute @workgroup_size(LANES)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
           @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * groups.x + group.x) * LANES + lane;
  if (i >= params.T * params.C) { return; }
  let row = ids[i / params.C] - params.begin;  // wraps to a large number below begin
  if (row < params.count) { y[i] = scalar(weight_at(row, i % params.C)); }
  else if (params.clear != 0) { y[i] = scalar(); }
}

@compute @workgroup_size(LANES)
fn backward_w(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
              @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * groups.x + group.x) * LANES + lane;
  if (i >= params.U * params.C) { return; }
  let u = i / params.C;
  let c = i % params.C;
  let row = rows[u] - params.begin;
  if (row >= params.count) { return; }

  var sum = 0.0;
  for (var j = offsets[u]; j < offsets[u + 1]; j++) { sum += f32(dy[order[j] * params.C + c]); }
  dw[row * params.C + c] += sum;
}
