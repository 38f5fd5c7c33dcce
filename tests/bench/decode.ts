import type { Device } from "../../src/gpu/device.ts";
import { promptPositions } from "../../src/models/positions.ts";
import { RolloutEngine, type GenerationRequest } from "../../src/rollout/engine.ts";
import type { BenchContext } from "./context.ts";
import {
  decodeFlops,
  decoder5M,
  decodeSpread,
  parameterCount,
  promptTokens,
  type DecodeConfig,
  type DecoderConfig,
} from "./decoder-config.ts";
import type { Benchmark, Contender } from "./harness.ts";
import { ourDecoder } from "./our-decoder.ts";

const prompt = 32;
const generated = 64;

/** Greedy decoding of the 5M decoder in f32 with a KV cache; the prompt's prefill is inside the clock. */
export function decode(batch: number, { device, jax }: BenchContext): Benchmark {
  const config = decoder5M;
  const lengths = { batch, prompt, generated };
  const context = prompt + generated / 2;
  return {
    name: `decode-${config.name}-b${batch}`,
    what: `${batch} × (${prompt} prompt + ${generated} greedy tokens) through the 5M decoder, f32, KV cache, prefill included; ours streams tokens to the host, jax-js waits once at the end`,
    flops: batch * (generated * decodeFlops(config, context) + prompt * decodeFlops(config, prompt / 2)),
    bytes: generated * parameterCount(config) * 4,
    tokens: batch * generated,
    tolerance: 0, // the same tokens
    ours: () => ourDecode(device, config, lengths),
    peers: {
      "jax-js": async () => {
        await jax();
        const { jaxDecode } = await import("./peers/jax-decode.ts");
        return jaxDecode(config, lengths);
      },
    },
    noPeer: {
      "onnxruntime-web": "not set up: a decoder with its cache would have to be written as an ONNX graph",
    },
  };
}

async function ourDecode(device: Device, config: DecoderConfig, lengths: DecodeConfig): Promise<Contender> {
  const model = await ourDecoder(device, config, {}, decodeSpread);
  const { batch } = lengths;
  const engine = await RolloutEngine.create(model, {
    batch,
    prefixTokens: batch * prompt,
    maxNewTokens: generated,
  });
  const tokens = promptTokens(config, lengths);
  const requests = Array.from({ length: batch }, (_, sequence): GenerationRequest => {
    const own = tokens.subarray(sequence * prompt, (sequence + 1) * prompt);
    const { positions, delta } = promptPositions(model.config, own);
    return { prompt: { tokens: own, positions, nextPosition: prompt + delta, featureRows: [] }, n: 1 };
  });
  const drawn = new Float32Array(generated * batch);
  return {
    async run() {
      const completions = await engine.complete(requests, {
        temperature: 0,
        maxNewTokens: generated,
        stopTokens: [],
      });
      completions.forEach(([completion], sequence) => {
        completion.tokens.forEach((token, i) => (drawn[i * batch + sequence] = token));
      });
    },
    read: () => Promise.resolve(drawn.slice()),
    dispose() {
      engine.destroy();
      model.destroy();
    },
  };
}
