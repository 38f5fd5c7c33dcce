import { processImage, readImageProcessorConfig } from "../data/image.ts";
import type { Grid } from "../data/image.ts";
import type { Device } from "../gpu/device.ts";
import { Recorder } from "../gpu/recorder.ts";
import type { Tensor } from "../gpu/tensor.ts";
import type { Segment } from "../kernels/attention.ts";
import type { BlockSaved } from "../layers/block.ts";
import { Model } from "../models/model.ts";
import type { ModelOptions } from "../models/model.ts";
import { emitBackward, emitDecoder, emitScores, PackedInputs } from "../models/packed-inputs.ts";
import { skipRow } from "../models/packing.ts";
import type { PackedBatch } from "../models/packing.ts";
import { promptPositions } from "../models/positions.ts";
import { VisionEncoder } from "../models/vision-encoder.ts";
import { expandIndex, windowLayout } from "../models/windows.ts";
import { RolloutEngine } from "../rollout/engine.ts";
import { readAdapter } from "../storage/peft.ts";
import type { FileSource } from "../storage/source.ts";
import { CorruptFileError } from "../util/errors.ts";
import type { ParityReport } from "./parity-report.ts";

/** A model of the fixture in f32, with its adapter loaded. */
export async function loadFixtureModel(
  device: Device,
  source: FileSource,
  adapterFolder: string,
): Promise<Model> {
  const adapter = await readAdapter(source, adapterFolder);
  const lora = { rank: adapter.rank, alpha: adapter.alpha, rslora: adapter.rslora };
  const options: ModelOptions = { format: "f32", lora };
  const model = await Model.load(device, source, options);
  model.loadAdapter(adapter);
  return model;
}

/** One whole sequence: every row is scored against the next token. */
function wholeSequence(
  ids: ArrayLike<number>,
  positions: Int32Array,
  featureTargets: Uint32Array,
): PackedBatch {
  const T = ids.length;
  return {
    ids: Uint32Array.from(ids),
    positions,
    segments: [segment(0, T)],
    featureTargets,
    scoredRows: Uint32Array.from({ length: T }, (_, row) => row),
    targets: Uint32Array.from({ length: T }, (_, row) => (row + 1 < T ? ids[row + 1] : skipRow)),
    sequence: new Uint32Array(T),
  };
}

function segment(begin: number, end: number): Segment {
  return {
    queryBegin: begin,
    queryEnd: end,
    causal: true,
    prefixBegin: 0,
    prefixEnd: 0,
    keyBegin: begin,
    keyEnd: end,
  };
}

interface Images {
  features: Tensor;
  grids: Grid[];
}

/** Everything in reference.safetensors that does not train. Returns the image features for what follows. */
export async function checkForward(
  model: Model,
  source: FileSource,
  report: ParityReport,
): Promise<Images | undefined> {
  const images = model.vision ? await checkVision(model, source, report) : undefined;
  const ids = await report.input("input_ids");
  const { positions, delta } = promptPositions(model.config, ids, images?.grids);
  await report.check("position_ids", positions, "exact");
  await report.check("rope_delta", [delta], "exact");

  const batch = wholeSequence(ids, positions, featureTargets(model, ids, images));
  const { rec, inputs } = recorder(model, "parity forward", ids.length, images);
  const forward = emitDecoder(rec, model, inputs, { adapter: false });
  const { y: normed } = model.decoder.head.norm.forward(rec, forward.decoder.x);
  const logits = model.decoder.head.logits(rec, forward.decoder.x);
  const { rope } = forward.context;
  const names = new Map<string, Tensor>([
    ["text.embeds", forward.embeddings],
    ["text.norm", normed],
    ["logits", logits],
    ["cos", rope.cos],
    ["sin", rope.sin],
  ]);
  forward.decoder.residuals.forEach((x, i) => names.set(`text.layer.${i}`, x));
  forward.decoder.saved.forEach((saved, i) => names.set(`middle.${i}`, middle(saved)));
  const values = await runAndRead(rec, inputs, batch, names);
  for (const name of ["text.embeds", "text.norm", "logits"]) await report.check(name, values.get(name));
  await report.check("rope.cos", twice(values.get("cos"), ids.length));
  await report.check("rope.sin", twice(values.get("sin"), ids.length));
  await checkBlocks(report, "text.layer", values, "text.embeds", model.decoder.blocks.length, "mlp_out");

  await checkGreedy(model, report, ids, images);
  await checkPaddedBatch(model, report);
  return images;
}

/** The residual stream between attention and MLP. */
function middle(saved: BlockSaved): Tensor {
  if (!saved.activations) throw new CorruptFileError("internal: parity records without recomputation");
  return saved.activations.norm2.x;
}

/** Blocks' outputs, and what attention and MLP added to the stream. */
async function checkBlocks(
  report: ParityReport,
  prefix: string,
  values: Values,
  first: string,
  count: number,
  mlp?: string,
): Promise<void> {
  let before = values.get(first);
  for (let i = 0; i < count; i++) {
    const between = values.get(`middle.${i}`);
    const after = values.get(`${prefix}.${i}`);
    const start = before;
    await report.check(
      `${prefix}.${i}.attn_out`,
      between.map((value, at) => value - start[at]),
    );
    if (mlp)
      await report.check(
        `${prefix}.${i}.${mlp}`,
        after.map((value, at) => value - between[at]),
      );
    await report.check(`${prefix}.${i}`, after);
    before = after;
  }
}

async function checkVision(model: Model, source: FileSource, report: ParityReport): Promise<Images> {
  const { vision, device, config } = model;
  const processor = await readImageProcessorConfig(source);
  if (!vision || !config.vision || !processor)
    throw new CorruptFileError(`${source.name}: a vision tower without preprocessor_config.json`);
  const flat = await report.input("image_grid_thw");
  const grids: Grid[] = [];
  for (let i = 0; i < flat.length; i += 3) grids.push([flat[i], flat[i + 1], flat[i + 2]]);
  const processed = [];
  for (let i = 0; report.has(`image.${i}`); i++) {
    const [height, width] = report.shape(`image.${i}`);
    const data = Uint8Array.from(await report.input(`image.${i}`));
    processed.push(processImage({ width, height, data }, processor));
  }
  await report.check(
    "image_grid_thw",
    processed.flatMap(({ grid }) => [...grid]),
    "exact",
  );
  await report.check(
    "pixel_values",
    Float32Array.from(processed.flatMap(({ pixelValues }) => Array.from(pixelValues))),
  );

  const patches = processed.reduce((sum, { grid: [t, h, w] }) => sum + t * h * w, 0);
  const unit = config.vision.mergeSize ** 2;
  const features = device.tensor("features", [patches / unit, config.text.hiddenSize], "f32");
  const encoder = await VisionEncoder.create(device, vision, patches, features, { keep: true });
  encoder.encode(processed, 0);
  const { forward } = encoder;
  const C = config.vision.hiddenSize;
  const order = expandIndex(windowLayout(grids, config.vision).index, unit);
  const values: Values = new Values();
  const keep = async (name: string, tensor: Tensor) =>
    values.set(name, (await device.read(tensor)) as Float32Array);
  await keep("patches", forward.patches);
  for (const [i, block] of forward.blocks.entries()) await keep(`vision.block.${i}`, block);
  for (const [i, saved] of forward.saved.blocks.entries()) await keep(`middle.${i}`, middle(saved));
  await keep("vision.merger", forward.features);
  await keep("cos", forward.rope.cos);
  await keep("sin", forward.rope.sin);
  await report.check("vision.patch_embed", unordered(values.get("patches"), order, C));
  const width = config.vision.headDim;
  await report.check("vision.rope_cos", unordered(twice(values.get("cos"), patches), order, width));
  await report.check("vision.rope_sin", unordered(twice(values.get("sin"), patches), order, width));
  await checkBlocks(report, "vision.block", values, "patches", forward.blocks.length);
  await report.check("vision.merger", values.get("vision.merger"));
  encoder.destroy();
  return { features, grids };
}

/** Rows of window order back in the order of the processor. */
function unordered(values: Float32Array, order: Uint32Array, width: number): Float32Array {
  const back = new Float32Array(values.length);
  order.forEach((to, from) => {
    back.set(values.subarray(from * width, (from + 1) * width), to * width);
  });
  return back;
}

/** cos and sin for half the width, as the public implementations keep them: the table twice in a row. */
function twice(values: Float32Array, rows: number): Float32Array {
  const half = values.length / rows;
  const wide = new Float32Array(values.length * 2);
  for (let row = 0; row < rows; row++) {
    const part = values.subarray(row * half, (row + 1) * half);
    wide.set(part, row * 2 * half);
    wide.set(part, row * 2 * half + half);
  }
  return wide;
}

/** Greedy continuation through the rollout engine: prefill, cache, decode, sampler. */
async function checkGreedy(
  model: Model,
  report: ParityReport,
  ids: Float32Array,
  images: Images | undefined,
): Promise<void> {
  if (!report.has("greedy.tokens")) return;
  const length = report.has("greedy.prompt_len") ? (await report.input("greedy.prompt_len"))[0] : ids.length;
  const count = report.shape("greedy.tokens").at(-1) ?? 0;
  const tokens = Array.from(ids.subarray(0, length));
  const { positions, delta } = promptPositions(model.config, tokens, images?.grids);
  const features = Number(images?.features.shape[0] ?? 0);
  const engine = await RolloutEngine.create(model, {
    batch: 2,
    prefixTokens: length,
    maxNewTokens: count,
    features: images?.features,
  });
  const prompt = {
    tokens,
    positions,
    nextPosition: length + delta,
    featureRows: Array.from({ length: features }, (_, i) => i),
  };
  const [[completion]] = await engine.complete([{ prompt, n: 1 }], {
    temperature: 0,
    maxNewTokens: count,
    stopTokens: [],
    banPlaceholders: false,
    adapter: false,
  });
  await report.check("greedy.tokens", completion.tokens, "exact");
  engine.destroy();
  await checkMargins(model, report, [...tokens, ...completion.tokens.slice(0, -1)], count, images);
}

/** The gap between the two best logits at each greedy step, from one pass over prompt and continuation. */
async function checkMargins(
  model: Model,
  report: ParityReport,
  tokens: number[],
  count: number,
  images: Images | undefined,
): Promise<void> {
  const { positions } = promptPositions(model.config, tokens, images?.grids);
  const batch = wholeSequence(tokens, positions, featureTargets(model, tokens, images));
  const { rec, inputs } = recorder(model, "parity margins", tokens.length, images);
  const forward = emitDecoder(rec, model, inputs, { adapter: false });
  const logits = model.decoder.head.logits(rec, forward.decoder.x);
  const values = (await runAndRead(rec, inputs, batch, new Map([["logits", logits]]))).get("logits");
  const V = model.config.text.vocabSize;
  const margins = Array.from({ length: count }, (_, step) => {
    const row = (tokens.length - count + step) * V;
    const [best, second] = values.slice(row, row + V).sort((a, b) => b - a);
    return best - second;
  });
  await report.check("greedy.margin", margins);
}

/** A left-padded batch of the reference, packed without padding here. */
async function checkPaddedBatch(model: Model, report: ParityReport): Promise<void> {
  if (!report.has("batch.logits")) return;
  const [rows, width] = report.shape("batch.input_ids");
  const ids = await report.input("batch.input_ids");
  const mask = await report.input("batch.attention_mask");
  const position = await report.input("batch.position_ids");
  const kept = Array.from(ids.keys()).filter((index) => mask[index] !== 0);
  const T = kept.length;
  const batch = wholeSequence(
    kept.map((index) => ids[index]),
    Int32Array.from({ length: 3 * T }, (_, i) => position[kept[i % T]]),
    new Uint32Array(),
  );
  batch.segments = [];
  for (let row = 0, begin = 0; row < rows; row++) {
    const count = kept.filter((index) => Math.floor(index / width) === row).length;
    batch.segments.push(segment(begin, begin + count));
    begin += count;
  }
  const { rec, inputs } = recorder(model, "parity batch", T, undefined, rows);
  const forward = emitDecoder(rec, model, inputs, { adapter: false });
  const logits = model.decoder.head.logits(rec, forward.decoder.x);
  const values = (await runAndRead(rec, inputs, batch, new Map([["logits", logits]]))).get("logits");
  const V = model.config.text.vocabSize;
  const wide = new Float32Array(rows * width * V);
  kept.forEach((index, row) => {
    wide.set(values.subarray(row * V, (row + 1) * V), index * V);
  });
  await report.check("batch.logits", wide, "value", (index) => mask[Math.floor(index / V)] !== 0);
}

/** The adapter's forward and backward under the loss −Σ wₜ·logpₜ, and the adapter-off log-probs. */
export async function checkLora(
  model: Model,
  report: ParityReport,
  images: Images | undefined,
): Promise<void> {
  const ids = await report.input("input_ids");
  const tokenWeights = await report.input("lora.token_weights");
  const { positions } = promptPositions(model.config, ids, images?.grids);
  const batch = wholeSequence(ids, positions, featureTargets(model, ids, images));
  const scored = ids.length - 1;
  model.parameters?.allocateGradients();

  const { rec, inputs } = recorder(model, "parity lora", ids.length, images);
  const scoring = { temperature: 1 };
  const forward = emitDecoder(rec, model, inputs, { adapter: true });
  const scores = emitScores(rec, model, inputs, forward, scoring);
  const logits = model.decoder.head.logits(rec, forward.decoder.x);
  const dlogp = rec.input("dlogp", [scores.logp.shape[0]], "f32");
  const { dEmbeddings, residualGradients } = emitBackward(
    rec,
    model,
    inputs,
    forward,
    scores,
    dlogp,
    scoring,
  );
  const names = new Map<string, Tensor>([
    ["lora.logits", logits],
    ["lora.logp", scores.logp],
    ["lora.entropy", scores.entropy],
    ["grad_hidden.text.embeds", dEmbeddings],
  ]);
  residualGradients.forEach((gradient, i) => names.set(`grad_hidden.text.layer.${i}`, gradient));
  const values = await runAndRead(rec, inputs, batch, names, {
    dlogp: Float32Array.from([...tokenWeights.map((w) => -w), 0]),
  });
  await report.check("lora.logits", values.get("lora.logits"));
  const logp = values.get("lora.logp").subarray(0, scored);
  await report.check("lora.logp", logp);
  await report.check("lora.entropy", values.get("lora.entropy").subarray(0, scored));
  await report.check("lora.loss", [-logp.reduce((sum, value, t) => sum + value * tokenWeights[t], 0)]);
  for (const name of names.keys())
    if (name.startsWith("grad_hidden.")) await report.check(name, values.get(name), "gradient");
  await checkGradients(model, report, "grad.");

  const { rec: refRec, inputs: refInputs } = recorder(model, "parity reference", ids.length, images);
  const ref = emitScores(
    refRec,
    model,
    refInputs,
    emitDecoder(refRec, model, refInputs, { adapter: false }),
    scoring,
  );
  const refValues = await runAndRead(refRec, refInputs, batch, new Map([["logp", ref.logp]]));
  await report.check("lora.ref_logp", refValues.get("logp").subarray(0, scored));
}

/** Compares every LoRA gradient with `prefix` + PEFT's name of it. */
export async function checkGradients(
  model: Model,
  report: ParityReport,
  prefix: string,
  what: "grad" | "param" = "grad",
): Promise<void> {
  const gradients = (await model.parameters?.read(what)) ?? new Map<string, Float32Array>();
  const root = model.vision ? "base_model.model.model.language_model" : "base_model.model.model";
  for (const [name, values] of gradients) {
    await report.check(`${prefix}${root}.${name}.weight`, values, what === "grad" ? "gradient" : "value");
  }
}

class Values {
  readonly #values = new Map<string, Float32Array>();
  get(name: string): Float32Array {
    const values = this.#values.get(name);
    if (!values) throw new CorruptFileError(`internal: ${name} was not read`);
    return values;
  }
  set(name: string, values: Float32Array): void {
    this.#values.set(name, values);
  }
}

function featureTargets(model: Model, ids: ArrayLike<number>, images: Images | undefined): Uint32Array {
  if (!images) return new Uint32Array();
  return Uint32Array.from(
    Array.from(ids).flatMap((id, row) => (id === model.config.tokens.image ? [row] : [])),
  );
}

function recorder(model: Model, name: string, tokens: number, images: Images | undefined, segments = 1) {
  const rec = new Recorder(model.device, name);
  const inputs = new PackedInputs(rec, { tokens, scored: tokens, segments }, images?.features);
  return { rec, inputs };
}

async function runAndRead(
  rec: Recorder,
  inputs: PackedInputs,
  batch: PackedBatch,
  outputs: ReadonlyMap<string, Tensor>,
  extra: Record<string, Float32Array> = {},
): Promise<Values> {
  for (const tensor of outputs.values()) rec.output(tensor);
  const program = await rec.build();
  const runtime = inputs.write(program, batch);
  for (const [name, data] of Object.entries(extra)) program.write(name, data);
  program.run(runtime);
  const read = await rec.device.readAll([...outputs.values()]);
  program.destroy();
  const values = new Values();
  [...outputs.keys()].forEach((name, i) => {
    values.set(name, read[i] as Float32Array);
  });
  return values;
}
