import { bufferBytes } from "../gpu/plan.ts";
import type { MemoryPlan } from "../gpu/plan.ts";
import type { SlotPool } from "../gpu/program.ts";
import type { Tensor } from "../gpu/tensor.ts";
import type { Model } from "../models/model.ts";
import type { PackedPrompt } from "../models/packing.ts";
import { VisionEncoder } from "../models/vision-encoder.ts";
import { UnsupportedModelError } from "../util/errors.ts";
import { packedPrompts } from "./prompt.ts";
import type { PolicyPrompt } from "./prompt.ts";

/** Image features of prompts that are placed together, and the encoder that computes them. Both grow as needed. */
export class ImageFeatures {
  #encoder: VisionEncoder | undefined;
  #tensor: Tensor | undefined;

  constructor(
    private readonly model: Model,
    private readonly pool: SlotPool,
    /** Of the encoder's program, in plans. */
    private readonly name = "vision",
  ) {}

  /** Features of the prompts last placed, [rows, C]; another tensor when it had to grow. */
  get tensor(): Tensor | undefined {
    return this.#tensor;
  }

  /**
   * Makes room for the images of prompts that will be placed together.
   * @throws UnsupportedModelError for images without a vision tower.
   */
  async reserve(prompts: readonly PolicyPrompt[]): Promise<void> {
    const rows = prompts.reduce((sum, prompt) => sum + prompt.featureCount, 0);
    if (rows === 0) return;
    const { device, vision, config } = this.model;
    if (!vision || !config.vision)
      throw new UnsupportedModelError(`${config.architecture} has no vision tower`);
    const largest = prompts
      .flatMap(({ images }) => images.map(({ grid: [t, h, w] }) => t * h * w))
      .reduce((a, b) => Math.max(a, b), 0);
    const grown = !this.#tensor || Number(this.#tensor.shape[0]) < rows;
    if (grown) {
      if (this.#tensor) device.freeTensor(this.#tensor);
      this.#tensor = undefined; // should the new one be refused, nothing goes on with what was freed
      const capacity = 2 ** Math.ceil(Math.log2(Math.max(64, rows)));
      this.#tensor = device.tensor("image features", [capacity, config.text.hiddenSize], "f32");
    }
    if (this.#tensor && (grown || !this.#encoder || this.#encoder.patches < largest)) {
      this.#encoder?.destroy();
      this.#encoder = undefined;
      // Room for several images to a run, so that a step's images do not go one by one.
      const unit = config.vision.mergeSize ** 2;
      const patches = Math.ceil(Math.max(largest, Math.min(rows * unit, 4096)) / unit) * unit;
      const { name, pool } = this;
      this.#encoder = await VisionEncoder.create(device, vision, patches, this.#tensor, { name, pool });
    }
  }

  /** Encodes the images of several prompts in place of those before; returns the prompts as the programs take them. */
  place(prompts: readonly PolicyPrompt[]): PackedPrompt[] {
    const placed = packedPrompts(prompts);
    this.#encoder?.encode(
      prompts.flatMap((prompt) => prompt.images),
      0,
    );
    return placed;
  }

  get plans(): MemoryPlan[] {
    return this.#encoder ? [this.#encoder.plan] : [];
  }

  /** Bytes of the features. */
  get bytes(): number {
    return this.#tensor ? bufferBytes(this.#tensor.storage.bytes) : 0;
  }

  destroy(): void {
    this.#encoder?.destroy();
    if (this.#tensor) this.model.device.freeTensor(this.#tensor);
  }
}
