import type { Device } from "../gpu/device.ts";
import type { Program, SlotPool } from "../gpu/program.ts";
import { Recorder } from "../gpu/recorder.ts";
import type { Dim, Tensor } from "../gpu/tensor.ts";
import type { ProcessedImage } from "../data/image.ts";
import { segmentInputs, writeSegments } from "../kernels/attention.ts";
import type { Segment } from "../kernels/attention.ts";
import { emitScatterRows } from "../kernels/rows.ts";
import { invariant } from "../util/assert.ts";
import { ShapeError } from "../util/errors.ts";
import { visionPositions } from "./positions.ts";
import type { VisionConfig } from "./config.ts";
import { VisionTower } from "./vision-tower.ts";
import type { VisionForward, VisionInputs } from "./vision-tower.ts";
import { expandIndex, windowLayout } from "./windows.ts";

/** What the tower reads, in window order: computed on the host from grids alone. */
export interface VisionBatch {
  pixels: Float32Array;
  /** [2, N]. */
  positions: Int32Array;
  windows: Segment[];
  frames: Segment[];
  /** Merged token of the images, in order, that each merged row in window order is. */
  mergedIndex: Uint32Array;
}

/** Segments from cumulative lengths: each looks at itself, both ways. */
export function bidirectionalSegments(offsets: ArrayLike<number>): Segment[] {
  return Array.from({ length: offsets.length - 1 }, (_, i) => ({
    queryBegin: offsets[i],
    queryEnd: offsets[i + 1],
    causal: false,
    prefixBegin: 0,
    prefixEnd: 0,
    keyBegin: offsets[i],
    keyEnd: offsets[i + 1],
  }));
}

/** Puts the patches of several images into window order, with positions and segments. */
export function visionBatch(config: VisionConfig, images: readonly ProcessedImage[]): VisionBatch {
  const grids = images.map((image) => image.grid);
  const layout = windowLayout(grids, config);
  const width = VisionTower.patchDim(config);
  const unit = config.mergeSize ** 2;
  const order = expandIndex(layout.index, unit);
  const rowColumn = visionPositions(grids, config.mergeSize);
  const all = new Float32Array(order.length * width);
  let begin = 0;
  for (const { pixelValues, grid } of images) {
    if (pixelValues.length !== grid[0] * grid[1] * grid[2] * width) {
      throw new ShapeError(
        `image of grid [${grid.join(", ")}]: pixel values`,
        pixelValues.length,
        grid[0] * grid[1] * grid[2] * width,
      );
    }
    all.set(pixelValues, begin);
    begin += pixelValues.length;
  }
  const pixels = new Float32Array(all.length);
  const positions = new Int32Array(2 * order.length);
  order.forEach((from, to) => {
    pixels.set(all.subarray(from * width, (from + 1) * width), to * width);
    positions[to] = rowColumn[from * 2];
    positions[order.length + to] = rowColumn[from * 2 + 1];
  });
  return {
    pixels,
    positions,
    windows: bidirectionalSegments(layout.windowOffsets),
    frames: bidirectionalSegments(layout.frameOffsets),
    mergedIndex: layout.index,
  };
}

/** Declares the tower's inputs in a Program for up to `patches` patches. */
export class VisionProgramInputs implements VisionInputs {
  readonly N: Dim;
  readonly merged: Dim;
  readonly pixels: Tensor;
  readonly positions: Tensor;
  readonly windows: VisionInputs["windows"];
  readonly frames: VisionInputs["frames"];
  /** Row of the feature tensor that each merged row goes to. */
  readonly destinations: Tensor;

  constructor(
    rec: Recorder,
    private readonly config: VisionConfig,
    patches: number,
  ) {
    const unit = config.mergeSize ** 2;
    this.N = rec.dim("N", patches);
    this.merged = rec.dim("merged", patches / unit);
    this.pixels = rec.input("pixels", [this.N, VisionTower.patchDim(config)], "f32");
    this.positions = rec.input("visual.positions", [2, this.N], "i32");
    const segments = patches / unit;
    this.windows = segmentInputs(rec, { queries: patches, segments, name: "windows" });
    this.frames = segmentInputs(rec, { queries: patches, segments, name: "frames" });
    this.destinations = rec.input("destinations", [this.merged], "u32");
  }

  /** `firstRow` is where the first image's features begin; the others follow. */
  write(program: Program, batch: VisionBatch, firstRow: number): Record<string, number> {
    const N = batch.positions.length / 2;
    program.write(this.pixels, batch.pixels);
    program.write(this.positions, batch.positions);
    program.write(
      this.destinations,
      batch.mergedIndex.map((row) => row + firstRow),
    );
    writeSegments(program, this.windows, batch.windows);
    writeSegments(program, this.frames, batch.frames);
    return { N, merged: N / this.config.mergeSize ** 2 };
  }
}

/** Runs the frozen tower over images and leaves their features in a persistent tensor [rows, C]. */
export class VisionEncoder {
  private constructor(
    private readonly tower: VisionTower,
    readonly patches: number,
    private readonly inputs: VisionProgramInputs,
    private readonly program: Program,
    readonly forward: VisionForward,
  ) {}

  /**
   * @param patches most patches of one run, at least those of the largest image.
   * @param options.keep leaves every layer's output readable, for comparisons.
   */
  static async create(
    device: Device,
    tower: VisionTower,
    patches: number,
    features: Tensor,
    { name = "vision", pool, keep = false }: { name?: string; pool?: SlotPool; keep?: boolean } = {},
  ): Promise<VisionEncoder> {
    const rec = new Recorder(device, name);
    const inputs = new VisionProgramInputs(rec, tower.config, patches);
    const forward = tower.forward(rec, inputs);
    emitScatterRows(rec, { src: forward.features, index: inputs.destinations, y: features });
    if (keep) {
      const middles = forward.saved.blocks.flatMap(({ activations }) =>
        activations ? [activations.norm2.x] : [],
      );
      const { cos, sin } = forward.rope;
      for (const tensor of [forward.patches, ...forward.blocks, ...middles, forward.features, cos, sin])
        rec.output(tensor);
    }
    return new VisionEncoder(tower, patches, inputs, await rec.build({ pool }), forward);
  }

  get plan() {
    return this.program.plan;
  }

  /** Encodes images, several to a run while they fit; features begin at row `firstRow`, image after image. */
  encode(images: readonly ProcessedImage[], firstRow: number): void {
    let batch: ProcessedImage[] = [];
    let patches = 0;
    let row = firstRow;
    const flush = () => {
      if (batch.length === 0) return;
      const values = this.inputs.write(this.program, visionBatch(this.tower.config, batch), row);
      this.program.run(values);
      row += patches / this.tower.config.mergeSize ** 2;
      batch = [];
      patches = 0;
    };
    for (const image of images) {
      const count = image.grid[0] * image.grid[1] * image.grid[2];
      invariant(count <= this.patches, `an image of ${count} patches in an encoder for ${this.patches}`);
      if (patches + count > this.patches) flush();
      batch.push(image);
      patches += count;
    }
    flush();
  }

  destroy(): void {
    this.program.destroy();
  }
}
