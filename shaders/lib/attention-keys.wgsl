// How a query row of decoding finds its keys; goes behind attention-segments.wgsl.

// The segment of a query row, or one without queries. Decoding has a segment for each row, in order: that one is tried
// first.
fn segment_of(query: u32) -> Segment {
  let met = segments_of_tile(query / TILE);
  let own = segment_at(params.segments_at, min(met.x + query % TILE, max(met.y, 1u) - 1u));
  if (met.x < met.y && has_query(own, query)) { return own; }
  for (var index = met.x; index < met.y; index++) {
    let s = segment_at(params.segments_at, index);
    if (has_query(s, query)) { return s; }
  }
  return Segment(0u, 0u, false, 0u, 0u, 0u, 0u);
}

// The row of the cache of a segment's key: its prefix comes first, then its own range.
fn key_row(s: Segment, prefix: u32, key: u32) -> u32 {
  return select(s.key_begin + key - prefix, s.prefix_begin + key, key < prefix);
}
