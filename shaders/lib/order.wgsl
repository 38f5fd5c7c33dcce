// Floats in the order of unsigned integers: pieces without bindings.

// Order-preserving bits of a logit; 0 belongs to none.
fn key_of(value: f32) -> u32 {
  let bits = select(bitcast<u32>(value), 0u, value == 0.0);
  return select(bits ^ 0x80000000u, ~bits, (bits & 0x80000000u) != 0);
}

// The larger key, the lower index on a tie.
fn ahead(a: vec2u, b: vec2u) -> vec2u { return select(a, b, b.x > a.x || (b.x == a.x && b.y < a.y)); }
