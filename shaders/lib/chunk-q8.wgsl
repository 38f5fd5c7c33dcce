// 32 values of a weight row of unsigned bytes, four per word, low first, with a scale per group; K a multiple of 32.
// See weight-q8.wgsl for the format, chunk-f32.wgsl for what the names mean.
alias weight_unit = vec4u;

struct Chunk {
  words: array<vec4u, 2>,
  scale: vec2f,
}

fn chunk_load(data_row: u32, scale_row: u32, index: u32) -> Chunk {
  let groups = (params.K + params.group - 1) / params.group;
  let at = data_row * (groups * params.group / 16) + index * 2;
  let scale = scales[scale_row * groups + index * 32 / params.group];
  return Chunk(array<vec4u, 2>(data[at], data[at + 1]), unpack2x16float(scale));
}
fn chunk_quad(chunk: Chunk, q: u32) -> vec4f {
  let word = chunk.words[q / 4][q % 4];
  let levels = vec4f((vec4u(word) >> vec4u(0, 8, 16, 24)) & vec4u(255));
  return fma(levels, vec4f(chunk.scale.x), vec4f(chunk.scale.y));
}
