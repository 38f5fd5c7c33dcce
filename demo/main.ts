/** The page: connects to the engine, loads a policy, and gives it to the parts that ask and train. */
import { connect, modelOptions, parseRunRecipe, shippedRecipes } from "../workers/client.ts";
import type { LoadPolicyOptions, PolicySource, RemotePolicy, Thinktab } from "../workers/client.ts";
import { AskPanel } from "./ask.ts";
import { element, showBytes } from "./dom.ts";
import { showProblem } from "./problems.ts";
import { TrainPanel } from "./train.ts";

/** The policy that the page ships, beside it: see vite.config.ts. */
const toy: PolicySource = { kind: "url", base: "./toy" };
const shipped = parseRunRecipe(shippedRecipes.toy);

const ui = {
  name: element("policy-name", HTMLElement),
  note: element("policy-note", HTMLElement),
  error: element("policy-error", HTMLElement),
  reset: element("reset-policy", HTMLButtonElement),
  folder: element("policy-folder", HTMLInputElement),
  device: element("device", HTMLElement),
};

let kit: Thinktab | undefined;
/** The policy in use, and what it was loaded with. */
let loaded: { policy: RemotePolicy; source: PolicySource; options: LoadPolicyOptions } | undefined;
/** Steps that the policy in use has been trained for, and whether it is as it was loaded. */
let trained = 0;
let untouched = true;

const ask = new AskPanel({ name: "shapes" });
const train = new TrainPanel({
  get model() {
    return modelName();
  },
  async fresh(recipe) {
    if (!kit || !loaded) throw new Error("there is no policy to train");
    const { source, options, policy } = loaded;
    const wanted = modelOptions(recipe);
    const same = untouched && JSON.stringify(wanted) === JSON.stringify(options);
    return same ? policy : load(kit, source, wanted);
  },
  running(running, steps) {
    enable(!running);
    if (running) {
      untouched = false;
      return;
    }
    trained = steps;
    if (loaded) describe();
  },
});

ui.reset.addEventListener("click", () => void open(loaded?.source ?? toy));
ui.folder.addEventListener("change", () => {
  const files = [...(ui.folder.files ?? [])];
  ui.folder.value = "";
  if (files.length > 0) void open({ kind: "files", files });
});
await open(toy);

/** Loads a policy, starting the engine where there is none. The one before stays in use when that fails. */
async function open(wanted: PolicySource): Promise<void> {
  enable(false);
  showProblem(ui.error);
  try {
    kit ??= await start();
    await load(kit, wanted, modelOptions(shipped));
    await train.use(kit);
  } catch (error) {
    if (!loaded) ui.name.textContent = "No policy.";
    showProblem(ui.error, error);
  } finally {
    enable(true);
  }
}

/** Loads a policy in the place of the one before, which stays when that fails. */
async function load(
  engine: Thinktab,
  source: PolicySource,
  options: LoadPolicyOptions,
): Promise<RemotePolicy> {
  const before = ui.name.textContent;
  try {
    const policy = await engine.loadPolicy(source, {
      ...options,
      onProgress: (done, total) => (ui.name.textContent = `Loading: ${done} of ${total} layers…`),
    });
    await loaded?.policy.dispose();
    loaded = { policy, source, options };
    trained = 0;
    untouched = true;
    describe();
    ask.use(engine, policy);
    return policy;
  } catch (error) {
    ui.name.textContent = before;
    throw error;
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
    kit = loaded = undefined;
    ask.use(undefined, undefined);
    void train.use(undefined);
    ui.name.textContent = "The GPU was lost.";
    showProblem(ui.error, error);
    enable(true);
    void started.dispose().catch(() => undefined); // the worker ends whatever it says
  });
  return started;
}

/** As recipes and run records name it. */
function modelName(): string {
  return !loaded || loaded.source === toy ? shipped.model : loaded.policy.info.name;
}

function describe(): void {
  if (!loaded) return;
  const { info } = loaded.policy;
  const steps = trained > 0 ? `, trained for ${trained} ${trained === 1 ? "step" : "steps"}` : "";
  if (loaded.source === toy) {
    ui.name.textContent = `Toy policy${steps}`;
    ui.note.textContent =
      trained > 0
        ? "What it does now, it found out by trial and reward. “Start over” forgets it."
        : `${showBytes(info.frozenBytes)} of weights. It knows only its own small world, coloured shapes in a grid, and few words; for photographs open a Qwen2.5-VL folder of your own.`;
  } else {
    ui.name.textContent = `${info.name}${steps}`;
    ui.note.textContent = `${info.architecture}, ${showBytes(info.frozenBytes)} of weights${info.vision ? "" : "; it takes no pictures"}.`;
  }
}

function enable(enabled: boolean): void {
  ui.reset.disabled = !enabled;
  ui.folder.disabled = !enabled;
}
