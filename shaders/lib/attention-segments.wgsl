// Who sees whom in packed attention. `table` (u32, written by src/kernels/attention-segments.ts) holds, one after the other:
//   per tile of TILE query rows, and then per tile of TILE key rows: first and end of the segments that meet the tile,
//   per segment: query_begin, query_end, causal, prefix_begin, prefix_end, key_begin, key_end, 0.
// A query of a segment sees its prefix range, and its own key range: all of it, or, if causal, up to the key that is as
// far from the range's end as the query is from its segment's end.

const TILE = 32u;

struct Segment {
  query_begin: u32, query_end: u32, causal: bool,
  prefix_begin: u32, prefix_end: u32,
  key_begin: u32, key_end: u32,
}

fn segments_of_tile(tile: u32) -> vec2u { return vec2u(table[tile * 2u], table[tile * 2u + 1u]); }

// `first` is the word where the segments begin.
fn segment_at(first: u32, index: u32) -> Segment {
  let at = first + index * 8u;
  return Segment(table[at], table[at + 1u], table[at + 2u] != 0u, table[at + 3u], table[at + 4u], table[at + 5u], table[at + 6u]);
}

fn has_query(s: Segment, query: u32) -> bool { return query >= s.query_begin && query < s.query_end; }

// End of the keys of its own range that a query of the segment sees.
fn own_end(s: Segment, query: u32) -> u32 {
  let behind = select(0u, s.query_end - 1u - query, s.causal);
  return max(s.key_begin, max(s.key_end, behind) - behind);
}

// First query of the segment that sees `key` of its own range.
fn first_query(s: Segment, key: u32) -> u32 {
  let reach = max(key + s.query_end, s.key_end) - s.key_end;
  return select(s.query_begin, max(s.query_begin, reach), s.causal);
}
