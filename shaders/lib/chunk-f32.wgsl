// 32 values of a weight row of f32, K a multiple of 32. chunk_quad gives values 4q … 4q+3 of a chunk.
alias weight_unit = vec4f;

alias Chunk = array<vec4f, 8>;

fn chunk_load(data_row: u32, scale_row: u32, index: u32) -> Chunk {
  let at = data_row * (params.K / 4) + index * 8;
  return Chunk(data[at], data[at + 1], data[at + 2], data[at + 3], data[at + 4], data[at + 5], data[at + 6], data[at + 7]);
}
fn chunk_quad(chunk: Chunk, q: u32) -> vec4f { return chunk[q]; }
