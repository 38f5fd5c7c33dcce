// 32 values of a weight row of four-bit integers, eight per word, low first, with a scale per group; K a multiple of 32.
// See weight-q4.wgsl for the format, chunk-f32.wgsl for what the names mean.
alias weight_unit = vec4u;

struct Chunk {
  words: vec4u,
  scale: vec2f,
}

fn chunk_load(data_row: u32, scale_row: u32, index: u32) -> Chunk {
  let groups = (params.K + params.group - 1) / params.group;
  let scale = scales[scale_row * groups + index * 32 / params.group];
  return Chunk(data[data_row * (groups * params.group / 32) + index], unpack2x16float(scale));
}
fn chunk_quad(chunk: Chunk, q: u32) -> vec4f {
  let word = chunk.words[q / 2] >> (16 * (q % 2));
  let levels = vec4f((vec4u(word) >> vec4u(0, 4, 8, 12)) & vec4u(15));
  return fma(levels, vec4f(chunk.scale.x), vec4f(chunk.scale.y));
}
