// Philox4x32-10: a counter-based generator. Key and counter in, four random words out; no state, so a draw depends on
// nothing but what it is for. Salmon, Moraes, Dror, Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3".
// src/util/rng.ts is the same function, bit for bit.

fn rng_multiply_high(a: u32, b: u32) -> u32 {
  let a_low = a & 0xffffu;
  let a_high = a >> 16u;
  let b_low = b & 0xffffu;
  let b_high = b >> 16u;
  let low_high = a_low * b_high;
  let high_low = a_high * b_low;
  let middle = ((a_low * b_low) >> 16u) + (low_high & 0xffffu) + (high_low & 0xffffu);
  return a_high * b_high + (low_high >> 16u) + (high_low >> 16u) + (middle >> 16u);
}

fn philox4x32(start: vec4u, seed: vec2u) -> vec4u {
  var counter = start;
  var key = seed;
  for (var round = 0u; round < 10u; round++) {
    let high_0 = rng_multiply_high(0xd2511f53u, counter.x);
    let high_1 = rng_multiply_high(0xcd9e8d57u, counter.z);
    counter = vec4u(high_1 ^ counter.y ^ key.x, 0xcd9e8d57u * counter.z, high_0 ^ counter.w ^ key.y, 0xd2511f53u * counter.x);
    key += vec2u(0x9e3779b9u, 0xbb67ae85u);
  }
  return counter;
}

// Uniform in (0, 1), never an end point, exact in f32: (top 23 bits + 1/2) / 2²³.
fn uniform_at(seed: vec2u, sequence: u32, position: u32, stream: u32) -> f32 {
  let word = philox4x32(vec4u(position, sequence, stream, 0u), seed).x;
  return (f32(word >> 9u) + 0.5) * 0x1p-23f;
}
