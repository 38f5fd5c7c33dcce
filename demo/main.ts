/** The page: connects to the engine, loads a policy, and gives it to the parts that ask and train. */
import { connect } from "../workers/client.ts";
import type { LoadPolicyOptions, PolicySource, RemotePolicy, TaskSpec, Thinktab } from "../workers/client.ts";
import { AskPanel } from "./ask.ts";
import { element, showBytes } from "./dom.ts";
import { showProblem } from "./problems.ts";
import { TrainPanel } from "./train.ts";

const task: TaskSpec = { name: "letter-share" };
const tiny: PolicySource = { kind: "tiny", seed: 1 };

const ui = {
  name: element("policy-name", HTMLElement),
  note: element("policy-note", HTMLElement),
  error: element("policy-error", HTMLElement),
  reset: element("reset-policy", HTMLButtonElement),
  folder: element("policy-folder", HTMLInputElement),
  device: element("device", HTMLElement),
};

const ask = new AskPanel(task);
const train = new TrainPanel(task, (running, steps) => {
  enable(!running);
  if (!running && policy) describe(policy, steps);
});
let kit: Thinktab | undefined;
let policy: RemotePolicy | undefined;
let source: PolicySource = tiny;

ui.reset.addEventListener("click", () => void open(source));
ui.folder.addEventListener("change", () => {
  const files = [...(ui.folder.files ?? [])];
  ui.folder.value = "";
  if (files.length > 0) void open({ kind: "files", files });
});
await open(tiny);

/** Loads a policy, starting the engine where there is none. The one before stays in use when that fails. */
async function open(wanted: PolicySource): Promise<void> {
  enable(false);
  showProblem(ui.error);
  const before = ui.name.textContent;
  try {
    kit ??= await start();
    const loaded = await kit.loadPolicy(wanted, {
      ...optionsFor(wanted),
      onProgress: (done, total) => (ui.name.textContent = `Loading: ${done} of ${total} layers…`),
    });
    await policy?.dispose();
    policy = loaded;
    source = wanted;
    describe(loaded);
    ask.use(kit, policy);
    train.use(policy);
  } catch (error) {
    ui.name.textContent = policy ? before : "No policy.";
    showProblem(ui.error, error);
  } finally {
    enable(true);
  }
}

async function start(): Promise<Thinktab> {
  const started = await connect();
  const { vendor, architecture, description, f16, subgroups } = started.device;
  const name = description || [vendor, architecture].filter(Boolean).join(" ");
  const features = [f16 ? "f16" : "no f16", subgroups ? "subgroups" : "no subgroups"].join(", ");
  ui.device.textContent = `GPU: ${name || "unnamed"} (${features}).`;
  void started.lost.then((error) => {
    if (kit !== started) return;
    kit = policy = undefined;
    ask.use(undefined, undefined);
    train.use(undefined);
    ui.name.textContent = "The GPU was lost.";
    showProblem(ui.error, error);
    enable(true);
    void started.dispose().catch(() => undefined); // the worker ends whatever it says
  });
  return started;
}

/** A miniature is kept in full precision, a model of some size is quantized. Both are trained through LoRA adapters. */
function optionsFor(wanted: PolicySource): LoadPolicyOptions {
  return wanted.kind === "tiny" ? { format: "f32", lora: { rank: 8 } } : { format: "q8", lora: { rank: 8 } };
}

function describe({ info }: RemotePolicy, steps = 0): void {
  const trained = steps > 0 ? `, trained for ${steps} ${steps === 1 ? "step" : "steps"}` : "";
  if (source.kind === "tiny" && steps > 0) {
    ui.name.textContent = `Built-in tiny policy${trained}`;
    ui.note.textContent =
      "It began with random weights: what it does now it found by trial and reward. “Start over” forgets it.";
  } else if (source.kind === "tiny") {
    ui.name.textContent = "Built-in tiny policy with random weights";
    ui.note.textContent =
      "It has never seen a picture or a word: it babbles until you train it. For real answers open a Qwen2.5-VL folder of your own.";
  } else {
    ui.name.textContent = `${info.name}${trained}`;
    ui.note.textContent = `${info.architecture}, ${showBytes(info.frozenBytes)} of weights${info.vision ? "" : "; it takes no pictures"}.`;
  }
}

function enable(enabled: boolean): void {
  ui.reset.disabled = !enabled;
  ui.folder.disabled = !enabled;
}
