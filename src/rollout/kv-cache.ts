import type { Device } from "../gpu/device.ts";
import type { Tensor } from "../gpu/tensor.ts";
import type { TextConfig } from "../models/config.ts";

/**
 * Keys and values of every block, [rows, KV·D] each. Rows [0, prefixRows) hold the prompts, packed; then each row of
 * the batch has `maxNewTokens` rows of its own, so a completion's keys are contiguous and a group shares its prompt.
 */
export class KvCache {
  readonly keys: Tensor[] = [];
  readonly values: Tensor[] = [];
  readonly rows: number;

  constructor(
    private readonly device: Device,
    text: TextConfig,
    readonly prefixRows: number,
    readonly batch: number,
    readonly maxNewTokens: number,
  ) {
    this.rows = prefixRows + batch * maxNewTokens;
    const shape = [this.rows, text.numKvHeads * text.headDim];
    for (let layer = 0; layer < text.numLayers; layer++) {
      this.keys.push(device.tensor(`cache.${layer}.k`, shape, "f32"));
      this.values.push(device.tensor(`cache.${layer}.v`, shape, "f32"));
    }
  }

  static bytes(text: TextConfig, prefixRows: number, batch: number, maxNewTokens: number): number {
    return 2 * 4 * text.numLayers * text.numKvHeads * text.headDim * (prefixRows + batch * maxNewTokens);
  }

  /** First cache row of a slot's own keys. */
  ownRow(slot: number): number {
    return this.prefixRows + slot * this.maxNewTokens;
  }

  destroy(): void {
    for (const tensor of [...this.keys, ...this.values]) this.device.freeTensor(tensor);
  }
}
