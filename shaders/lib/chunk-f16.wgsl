// 32 values of a weight row of half floats, two per word, low first; K a multiple of 32. See chunk-f32.wgsl.
alias weight_unit = vec4u;

alias Chunk = array<vec4u, 4>;

fn chunk_load(data_row: u32, scale_row: u32, index: u32) -> Chunk {
  let at = data_row * (params.K / 8) + index * 4;
  return Chunk(data[at], data[at + 1], data[at + 2], data[at + 3]);
}
fn chunk_quad(chunk: Chunk, q: u32) -> vec4f {
  let words = select(chunk[q / 2].xy, chunk[q / 2].zw, q % 2 == 1);
  return vec4f(unpack2x16float(words.x), unpack2x16float(words.y));
}
