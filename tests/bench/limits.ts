/**
 * What the adapter itself can do, measured beside everything else and with nothing of the kit in the way: the ceiling
 * that `fractionOfLimit` is a fraction of.
 */

/** FMA peak in GFLOP/s (one FMA is two operations) and copy bandwidth in GB/s (bytes read plus bytes written). */
export interface Limits {
  fmaGflops: number;
  copyGBps: number;
  /** Which of the shapes tried gave the peak. */
  fmaShape: string;
  copyShape: string;
}

const REPETITIONS = 5;

interface Shape {
  name: string;
  run: () => Promise<void>;
  /** Operations or bytes of one run. */
  amount: number;
  dispose: () => void;
}

/** Tries every shape, several times each, and keeps the best: the peak is a maximum, not a median. */
async function best(shapes: Shape[]): Promise<{ rate: number; name: string }> {
  let winner = { rate: 0, name: "" };
  for (const shape of shapes) {
    await shape.run(); // compiles
    for (let i = 0; i < REPETITIONS; i++) {
      const begin = performance.now();
      await shape.run();
      const rate = shape.amount / ((performance.now() - begin) / 1e3) / 1e9;
      if (rate > winner.rate) winner = { rate, name: shape.name };
    }
    shape.dispose();
  }
  return winner;
}

function dispatcher(
  device: GPUDevice,
  code: string,
  buffers: GPUBuffer[],
  groups: [number, number],
): () => Promise<void> {
  const pipeline = device.createComputePipeline({
    layout: "auto",
    compute: { module: device.createShaderModule({ code }), entryPoint: "main" },
  });
  const bindGroup = device.createBindGroup({
    layout: pipeline.getBindGroupLayout(0),
    entries: buffers.map((buffer, binding) => ({ binding, resource: { buffer } })),
  });
  return async () => {
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, bindGroup);
    pass.dispatchWorkgroups(...groups);
    pass.end();
    device.queue.submit([encoder.finish()]);
    await device.queue.onSubmittedWorkDone();
  };
}

/**
 * `chains` independent accumulators per invocation, all in registers: a ← a·m + c with |m| < 1, so that values stay
 * normal. m and c come from a buffer, the sum goes to one: nothing folds away. Written as `fma` and as a product and a
 * sum, which compilers may or may not fuse: either counts as two operations.
 */
function fmaShape(
  device: GPUDevice,
  form: "fma" | "a·m + c",
  lanes: 1 | 4,
  chains: number,
  workgroup: number,
): Shape {
  const type = lanes === 4 ? "vec4f" : "f32";
  const iterations = 4096;
  const workgroups = 16_384 / workgroup;
  const each = (line: (i: number) => string) =>
    Array.from({ length: chains }, (_, i) => line(i)).join("\n  ");
  const code = `
@group(0) @binding(0) var<storage, read_write> data: array<${type}>;
@compute @workgroup_size(${workgroup})
fn main(@builtin(global_invocation_id) id: vec3u) {
  let m = data[0];
  let c = data[1];
  ${each((i) => `var a${i} = data[id.x % 2u] + ${type}(${i + 1}.0);`)}
  for (var i = 0u; i < ${iterations}u; i++) {
  ${each((i) => (form === "fma" ? `a${i} = fma(a${i}, m, c);` : `a${i} = a${i} * m + c;`))}
  }
  data[2u + id.x] = ${Array.from({ length: chains }, (_, i) => `a${i}`).join(" + ")};
}`;
  const count = 2 + workgroups * workgroup;
  const buffer = device.createBuffer({
    size: count * lanes * 4,
    usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST,
  });
  device.queue.writeBuffer(
    buffer,
    0,
    new Float32Array(2 * lanes).map((_, i) => (i < lanes ? 0.999 : 0.5)),
  );
  return {
    name: `${form}, ${chains} chains of ${type}, workgroup ${workgroup}`,
    run: dispatcher(device, code, [buffer], [workgroups, 1]),
    amount: 2 * lanes * chains * iterations * workgroups * workgroup,
    dispose: () => buffer.destroy(),
  };
}

/** Each invocation copies `run` consecutive vec4s, neighbours beside each other. */
function copyShape(device: GPUDevice, workgroup: number, run: number): Shape {
  const bytes = 64 * 2 ** 20;
  const vectors = bytes / 16;
  const groups = vectors / (workgroup * run);
  const code = `
@group(0) @binding(0) var<storage, read> source: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> target_: array<vec4f>;
@compute @workgroup_size(${workgroup})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let begin = (group.y * groups.x + group.x) * ${workgroup * run}u + lane;
  for (var i = 0u; i < ${run}u; i++) { target_[begin + i * ${workgroup}u] = source[begin + i * ${workgroup}u]; }
}`;
  const source = device.createBuffer({ size: bytes, usage: GPUBufferUsage.STORAGE });
  const target = device.createBuffer({ size: bytes, usage: GPUBufferUsage.STORAGE });
  const wide = Math.min(groups, 32_768); // divides groups: both are powers of two
  return {
    name: `vec4f × ${run} per invocation, workgroup ${workgroup}`,
    run: dispatcher(device, code, [source, target], [wide, groups / wide]),
    amount: 2 * bytes,
    dispose: () => {
      source.destroy();
      target.destroy();
    },
  };
}

/**
 * The better of two measurements, limit by limit: on a machine with other work to do, a limit shows only in its quiet
 * moments.
 */
export function bestLimits(a: Limits, b: Limits): Limits {
  const { fmaGflops, fmaShape } = a.fmaGflops >= b.fmaGflops ? a : b;
  const { copyGBps, copyShape } = a.copyGBps >= b.copyGBps ? a : b;
  return { fmaGflops, copyGBps, fmaShape, copyShape };
}

/** Measures both limits; a few seconds on a software adapter. */
export async function measureLimits(device: GPUDevice): Promise<Limits> {
  const forms = ["fma", "a·m + c"] as const;
  const fma = await best(
    forms.flatMap((form) => [
      fmaShape(device, form, 1, 8, 8),
      fmaShape(device, form, 1, 8, 64),
      fmaShape(device, form, 1, 16, 32),
      fmaShape(device, form, 1, 16, 256),
      fmaShape(device, form, 1, 24, 32),
      fmaShape(device, form, 4, 4, 64),
      fmaShape(device, form, 4, 8, 256),
    ]),
  );
  const copy = await best([
    copyShape(device, 64, 1),
    copyShape(device, 64, 8),
    copyShape(device, 256, 4),
    copyShape(device, 32, 32),
  ]);
  return { fmaGflops: fma.rate, copyGBps: copy.rate, fmaShape: fma.name, copyShape: copy.name };
}
