import type { TensorTable } from "../storage/safetensors.ts";
import { MissingTensorError } from "../util/errors.ts";

export interface ParityRow {
  name: string;
  maxAbs: number;
  /** maxAbs relative to the reference tensor's largest magnitude. */
  maxRel: number;
  passed: boolean;
}

export interface ParityResult {
  passed: boolean;
  tensors: ParityRow[];
  notChecked: string[];
}

/** How close a tensor must be: see the fixtures' README. */
type Kind = "value" | "gradient" | "exact";

/** Compares tensors with a reference file, and knows in the end what was left out. */
export class ParityReport {
  readonly rows: ParityRow[] = [];
  readonly #names: Set<string>;
  readonly #inputs = new Set<string>();

  constructor(
    private readonly reference: TensorTable,
    private readonly prefix = "",
  ) {
    this.#names = new Set(reference.tensors.keys());
  }

  has(name: string): boolean {
    return this.reference.tensors.has(name);
  }

  shape(name: string): readonly number[] {
    const entry = this.reference.tensors.get(name);
    if (!entry) throw new MissingTensorError(`the reference file has no tensor ${name}`);
    return entry.shape;
  }

  /** A tensor that is given, not computed: it is not counted among the unchecked ones. */
  async input(name: string): Promise<Float32Array> {
    this.#inputs.add(name);
    return this.reference.readFloat32(name);
  }

  /**
   * Values: 5e-5 after scaling by max(1, largest/10). Gradients: 1e-3 of the largest magnitude. `rows` picks elements
   * of the reference where only some are comparable (padding).
   */
  async check(
    name: string,
    actual: ArrayLike<number>,
    kind: Kind = "value",
    pick?: (index: number) => boolean,
  ): Promise<void> {
    if (!this.has(name)) return;
    const expected = await this.reference.readFloat32(name);
    this.#names.delete(name);
    let maxAbs = actual.length === expected.length ? 0 : Infinity;
    let largest = 0;
    for (let i = 0; i < expected.length && maxAbs < Infinity; i++) {
      if (pick && !pick(i)) continue;
      const difference = Math.abs(actual[i] - expected[i]);
      maxAbs = Number.isNaN(difference) ? Infinity : Math.max(maxAbs, difference);
      largest = Math.max(largest, Math.abs(expected[i]));
    }
    const maxRel = largest > 0 ? maxAbs / largest : maxAbs;
    const allowed =
      kind === "exact" ? 0 : kind === "gradient" ? 1e-3 * largest : 5e-5 * Math.max(1, largest / 10);
    this.rows.push({ name: this.prefix + name, maxAbs, maxRel, passed: maxAbs <= allowed });
  }

  /** Reference tensors that were neither inputs nor compared. */
  get notChecked(): string[] {
    return [...this.#names].filter((name) => !this.#inputs.has(name)).map((name) => this.prefix + name);
  }
}

/** Fails on any failed row, and when logits, log-probs or LoRA gradients were not looked at. */
export function parityResult(reports: readonly ParityReport[]): ParityResult {
  const tensors = reports.flatMap((report) => report.rows);
  const notChecked = reports.flatMap((report) => report.notChecked);
  const essential = notChecked.filter((name) => /(^|\.)(logits|logp|ref_logp)$|^(grpo: )?grad\./.test(name));
  return { passed: tensors.every((row) => row.passed) && essential.length === 0, tensors, notChecked };
}
