import type { Program } from "../gpu/program.ts";
import type { Recorder } from "../gpu/recorder.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { InvalidOptionError, ShapeError } from "../util/errors.ts";

/**
 * Who sees whom in a packed batch: rows [queryBegin, queryEnd) of q look at rows [prefixBegin, prefixEnd) and
 * [keyBegin, keyEnd) of k and v. The prefix is seen whole. The own range is seen whole, or, if causal, up to and with
 * key keyEnd − (queryEnd − queryBegin) + (query − queryBegin): the last query sees all of it, the one before all but one.
 * Ranges may be empty. Segments may share keys, and share no query. A query outside every segment sees nothing.
 */
export interface Segment {
  queryBegin: number;
  queryEnd: number;
  causal: boolean;
  prefixBegin: number;
  prefixEnd: number;
  keyBegin: number;
  keyEnd: number;
}

/** What a segment table has room for. */
export interface SegmentCapacities {
  /** Rows of q: the T of the attention, at capacity. */
  queries: number;
  /** Rows of k and v, at capacity. `queries` when left out. */
  keys?: number;
  segments: number;
}

/** A segment table as a program's input. One serves all layers of a program; a program may hold several. */
export interface SegmentInputs extends Required<SegmentCapacities> {
  /** u32; see shaders/lib/attention-segments.wgsl. */
  readonly table: Tensor;
}

/** Rows of q, or of k and v, per workgroup: TILE of shaders/lib/attention-segments.wgsl. */
export const attentionTile = 32;
const segmentWords = 8;

/** Where the parts of a table begin: the key tiles (in tiles), the segments (in words). */
export function segmentLayout({ queries, keys, segments }: Required<SegmentCapacities>): {
  keyTilesAt: number;
  segmentsAt: number;
  words: number;
} {
  const keyTilesAt = Math.ceil(queries / attentionTile);
  const segmentsAt = 2 * (keyTilesAt + Math.ceil(keys / attentionTile));
  return { keyTilesAt, segmentsAt, words: segmentsAt + segments * segmentWords };
}

/**
 * The table of a list of segments. Each tile of rows gets the span of segments that meet it, so lay segments out in
 * the order of their rows; another order is correct, and slower.
 * @throws ShapeError when a range is backwards or beyond its capacity, or there are too many segments.
 * @throws InvalidOptionError when two segments share a query, or a segment's prefix and own range share a key.
 */
export function planSegments(segments: readonly Segment[], capacities: SegmentCapacities): Uint32Array {
  const limits = { ...capacities, keys: capacities.keys ?? capacities.queries };
  check(segments, limits);
  const { keyTilesAt, segmentsAt, words } = segmentLayout(limits);
  const table = new Uint32Array(words);
  segments.forEach((segment, index) => {
    const { queryBegin, queryEnd, causal, prefixBegin, prefixEnd, keyBegin, keyEnd } = segment;
    table.set(
      [queryBegin, queryEnd, Number(causal), prefixBegin, prefixEnd, keyBegin, keyEnd],
      segmentsAt + index * segmentWords,
    );
    widen(table, 0, queryBegin, queryEnd, index);
    if (queryBegin === queryEnd) return;
    widen(table, keyTilesAt, prefixBegin, prefixEnd, index);
    widen(table, keyTilesAt, keyBegin, keyEnd, index);
  });
  return table;
}

/** Adds segment `index` to the spans of the tiles that rows [begin, end) touch. Indices come in ascending order. */
function widen(table: Uint32Array, tilesAt: number, begin: number, end: number, index: number): void {
  if (begin === end) return;
  for (let tile = Math.floor(begin / attentionTile); tile * attentionTile < end; tile++) {
    const at = 2 * (tilesAt + tile);
    if (table[at + 1] === 0) table[at] = index;
    table[at + 1] = index + 1;
  }
}

function check(segments: readonly Segment[], limits: Required<SegmentCapacities>): void {
  if (segments.length > limits.segments) {
    throw new ShapeError("segments", segments.length, `at most ${limits.segments}`);
  }
  segments.forEach((segment, index) => {
    const range = (what: "query" | "prefix" | "key", begin: number, end: number, limit: number) => {
      const whole = Number.isInteger(begin) && Number.isInteger(end);
      if (!whole || begin < 0 || end < begin || end > limit) {
        throw new ShapeError(
          `segment ${index}: ${what} rows`,
          `[${begin}, ${end})`,
          `a range within [0, ${limit})`,
        );
      }
    };
    const { queryBegin, queryEnd, prefixBegin, prefixEnd, keyBegin, keyEnd } = segment;
    range("query", queryBegin, queryEnd, limits.queries);
    range("prefix", prefixBegin, prefixEnd, limits.keys);
    range("key", keyBegin, keyEnd, limits.keys);
    if (Math.max(prefixBegin, keyBegin) < Math.min(prefixEnd, keyEnd)) {
      throw new InvalidOptionError(
        `segment ${index}: prefix and own keys`,
        `[${prefixBegin}, ${prefixEnd}) and [${keyBegin}, ${keyEnd})`,
        "ranges that share no key",
      );
    }
  });
  const order = segments
    .filter((segment) => segment.queryBegin < segment.queryEnd)
    .sort((a, b) => a.queryBegin - b.queryBegin);
  for (let index = 1; index < order.length; index++) {
    const [before, after] = [order[index - 1], order[index]];
    if (after.queryBegin < before.queryEnd) {
      throw new InvalidOptionError(
        "segments: query rows",
        `[${before.queryBegin}, ${before.queryEnd}) and [${after.queryBegin}, ${after.queryEnd})`,
        "segments that share no query",
      );
    }
  }
}

/**
 * Records a segment table as an input of the program. `name` must be unique within it.
 * Before the first run, and whenever the layout changes: {@link writeSegments}.
 */
export function segmentInputs(
  rec: Recorder,
  capacities: SegmentCapacities & { name?: string },
): SegmentInputs {
  const { name = "segments", queries, keys = queries, segments } = capacities;
  const { words } = segmentLayout({ queries, keys, segments });
  return { queries, keys, segments, table: rec.input(name, [words], "u32") };
}

/** Writes the table that the following runs use: one small upload. Throws as {@link planSegments} does. */
export function writeSegments(program: Program, inputs: SegmentInputs, segments: readonly Segment[]): void {
  program.write(inputs.table, planSegments(segments, inputs));
}

/** Sequences of the given lengths, one after the other, each looking at itself alone. */
export function packedSegments(lengths: readonly number[], causal: boolean): Segment[] {
  let begin = 0;
  return lengths.map((length) => {
    const end = begin + length;
    const segment = selfSegment(begin, end, causal);
    begin = end;
    return segment;
  });
}

/** A prompt and, after it, completions of the given lengths that each look at the prompt and at themselves. Causal. */
export function sharedPrefixSegments(prompt: number, completions: readonly number[], begin = 0): Segment[] {
  const segments = [selfSegment(begin, begin + prompt, true)];
  let at = begin + prompt;
  for (const length of completions) {
    const segment = selfSegment(at, at + length, true);
    segments.push({ ...segment, prefixBegin: begin, prefixEnd: begin + prompt });
    at += length;
  }
  return segments;
}

function selfSegment(begin: number, end: number, causal: boolean): Segment {
  return {
    queryBegin: begin,
    queryEnd: end,
    causal,
    prefixBegin: 0,
    prefixEnd: 0,
    keyBegin: begin,
    keyEnd: end,
  };
}
