// Sum over a workgroup in a fixed order: a binary tree over LANES partials. LANES, a power of two, is the
// workgroup's size and an override of the kernel. Every lane calls it, with the same control flow, and gets the sum.
var<workgroup> reduce_scratch: array<f32, LANES>;

fn workgroup_sum(partial: f32, lane: u32) -> f32 {
  reduce_scratch[lane] = partial;
  for (var half = LANES / 2; half > 0; half /= 2) {
    workgroupBarrier();
    if (lane < half) { reduce_scratch[lane] += reduce_scratch[lane + half]; }
  }
  workgroupBarrier();
  let sum = reduce_scratch[0];
  workgroupBarrier();  // the scratch may be used again
  return sum;
}
