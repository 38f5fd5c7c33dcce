import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, test, vi } from "vitest";
import { toySynthesisModel } from "../../src/synthesis/toy-model.ts";
import { toyScenes } from "../../src/synthesis/toy-scenes.ts";
import {
  startChatServer,
  type ChatReply,
  type ChatRequest,
  type ChatServer,
} from "../support/chat-server.ts";
import { askedOf, replyOf } from "../synthesis/support.ts";
import { tooWide } from "./recipe.ts";
import { thinktab } from "./run.ts";

const root = join(import.meta.dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "thinktab-synth-"));
const place = (...names: string[]) => join(folder, ...names);
const scenes = await toyScenes(20);
const toy = toySynthesisModel(scenes);
const servers: ChatServer[] = [];

mkdirSync(place("pictures", "more"), { recursive: true });
for (const [index, { path, png }] of scenes.entries()) {
  writeFileSync(place("pictures", ...(index > 15 ? ["more"] : []), path), png);
}
writeFileSync(place("pictures", "notes.txt"), "no image");
writeFileSync(place("pictures", ".hidden.png"), "no image");

afterEach(async () => {
  vi.unstubAllEnvs();
  await Promise.all(servers.splice(0).map((server) => server.close()));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** A server that answers as the toy model does, and the configuration that names it. */
async function endpoint(
  name: string,
  {
    more = {},
    otherwise = () => null,
  }: { more?: object; otherwise?: (request: ChatRequest) => ChatReply | null } = {},
) {
  const server = await startChatServer(async (request) => {
    return otherwise(request) ?? (await replyOf(toy, request));
  });
  servers.push(server);
  const config = place(`${name}.yaml`);
  const model = { kind: "openai", baseUrl: server.url, model: "m", takesImages: true, attempts: 1, ...more };
  writeFileSync(config, `models:\n  default: ${JSON.stringify(model)}\n`);
  return { server, config };
}

const lines = (path: string) =>
  readFileSync(path, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
/** The command in a process of its own, for signals. */
function start(...args: string[]) {
  const child = spawn(process.execPath, [join(root, "bin/thinktab.js"), "synth", ...args]);
  let err = "";
  child.stderr.on("data", (data: Buffer) => (err += data.toString()));
  return { child, exited: once(child, "exit") as Promise<[number | null]>, said: () => err };
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

test("20 images against a server: Ctrl-C, a kill, a torn journal; then complete, and nothing that was answered is asked twice", async () => {
  const { server, config } = await endpoint("resume");
  const out = place("resume.jsonl");
  const args = [place("pictures"), "--models", config, "--out", out];

  const first = start(...args);
  const outcomes = place("resume.synth", "outcomes.jsonl");
  await until(() => existsSync(outcomes) && readFileSync(outcomes).length > 0); // an image is done
  first.child.kill("SIGINT");
  expect((await first.exited)[0]).toBe(130);
  expect(first.said().replaceAll(/\s+/g, " ")).toContain(
    "The same command goes on from there and asks nothing twice.",
  );
  expect(first.said()).toMatch(/interrupted\n$/);
  expect(lines(out).length).toBeGreaterThan(0);
  const stopped = askedOf(server);
  expect(new Set(stopped).size).toBe(stopped.length);
  expect(server.left).toBe(0);

  const second = start(...args);
  await until(() => server.requests.length > stopped.length + 60);
  second.child.kill("SIGKILL");
  await second.exited;
  // What was under way at the kill was asked and never heard.
  const journal = place("resume.synth", "journal.jsonl");
  const kept = readFileSync(journal, "utf8")
    .split("\n")
    .filter((line) => line.endsWith("}")).length;
  const unheard = server.requests.length - kept;
  expect(unheard).toBeLessThanOrEqual(5);
  appendFileSync(journal, '{"key":"0123","value":{"st');

  const { code, out: said, err } = await thinktab("synth", ...args);
  expect({ code, err: err.includes("Error") }).toEqual({ code: 0, err: false });
  expect(tooWide(said.replaceAll(folder, ""))).toEqual([]);
  const requests = askedOf(server);
  expect(requests.length - new Set(requests).size).toBeLessThanOrEqual(unheard);
  const total = server.requests.length;

  const again = await thinktab("synth", ...args, "--json");
  expect(again.code).toBe(0);
  expect(server.requests.length).toBe(total);
  const report = JSON.parse(again.out) as {
    complete: boolean;
    records: number;
    run: object;
    counters: { images: object };
  };
  expect(report).toMatchObject({
    complete: true,
    records: lines(out).length,
    counters: { images: { total: 20, done: 20 } },
  });

  // The same records as when nobody stopped it, in the order of the images.
  const whole = await endpoint("whole");
  await thinktab("synth", place("pictures"), "--models", whole.config, "--out", place("whole.jsonl"));
  expect(readFileSync(place("whole.jsonl"), "utf8")).toBe(readFileSync(out, "utf8"));
  const paths = lines(out).map(({ image_path: path }) => path as string);
  expect(paths).toEqual([...paths].sort());
  expect(
    lines(place("resume.synth", "provenance.jsonl")).map(({ image }) => (image as { path: string }).path),
  ).toEqual(paths);
  const inspected = await thinktab("data", "inspect", out, "--images", place("pictures"), "--json");
  expect(JSON.parse(inspected.out)).toMatchObject({
    rows: paths.length,
    accepted: paths.length,
    rejected: { total: 0 },
    images: { missing: 0 },
    changes: {},
  });
});

test("toy scenes need no model: records, pictures beside them, counts by stage, and the word that scenes are read", async () => {
  const out = place("toy", "set.jsonl");
  const {
    code,
    out: said,
    err,
  } = await thinktab("synth", "--toy", "5", "--seed", "9", "--questions", "3", "--out", out);
  expect(code).toBe(0);
  expect(err).toContain("built-in toy (reads the drawn scene, not the pixels)");
  expect(tooWide(said.replaceAll(folder, ""))).toEqual([]);
  expect(said).toMatch(/^describe +5 +5 +0 +0 +5 +0 +0 +0 /m);
  expect(said).toMatch(/^\d+ records of 5 images in /m);
  expect(readdirSync(place("toy", "set-images"))).toEqual(
    ["09", "10", "11", "12", "13"].map((n) => `scene-00${n}.png`),
  );
  const inspected = await thinktab("data", "inspect", out, "--images", place("toy", "set-images"), "--json");
  const records = lines(out).length;
  expect(JSON.parse(inspected.out)).toMatchObject({
    accepted: records,
    rejected: { total: 0 },
    images: { found: records },
  });
  const [run] = lines(place("toy", "set.synth", "runs.jsonl"));
  expect(JSON.stringify(run)).toContain("reads the drawn scene, not the pixels");
  expect(lines(place("toy", "set.synth", "drops.jsonl")).length + records).toBe(15);
});

test("failed requests leave images for the next run, and the exit code says so", async () => {
  let broken = true;
  const { server, config } = await endpoint("broken", {
    otherwise: ({ index }) => (broken && index % 4 === 3 ? { status: 500, body: "oops" } : null),
  });
  const args = [place("pictures", "more"), "--models", config, "--out", place("broken.jsonl")];
  const first = await thinktab("synth", ...args);
  expect(first.code).toBe(1);
  expect(first.out.replaceAll(/\s+/g, " ")).toMatch(
    /\d images are not done, as requests failed: the same command asks for the rest\./,
  );
  broken = false;
  const before = server.requests.length;
  expect((await thinktab("synth", ...args)).code).toBe(0);
  expect(server.requests.length).toBeGreaterThan(before);
});

test("an endpoint that is gone ends the run with what it said, and where it can be gone on from", async () => {
  const { config } = await endpoint("gone", { otherwise: () => ({ status: 401, body: "who are you" }) });
  const { code, err } = await thinktab(
    "synth",
    place("pictures"),
    "--models",
    config,
    "--out",
    place("gone.jsonl"),
  );
  expect(code).toBe(1);
  expect(err).toMatch(
    /LanguageModelError: 5 requests in a row failed, the last with: m at http.*: got status 401: who are you/,
  );
  expect(err).toContain("The same command goes on");
});

test("a run that fails leaves the records of another as they were", async () => {
  let gone = false;
  const { config } = await endpoint("kept", {
    otherwise: () => (gone ? { status: 401, body: "who are you" } : null),
  });
  const out = place("kept.jsonl");
  const args = [place("pictures", "more"), "--models", config, "--out", out];
  expect((await thinktab("synth", ...args)).code).toBe(0);
  const before = readFileSync(out, "utf8");
  expect(before).not.toBe("");
  gone = true;
  writeFileSync(place("kind.md"), "Describe it kindly.");
  appendFileSync(config, "prompts:\n  describe: { file: kind.md }\n");
  // Four images, each with a request that fails: too few to end the run; then enough.
  const { code, out: said } = await thinktab("synth", ...args);
  expect(code).toBe(1);
  expect(said.replaceAll(/\s+/g, " ")).toContain("kept.jsonl is as it was: another run made it");
  expect(readFileSync(out, "utf8")).toBe(before);
  appendFileSync(config, "failuresInARow: 2\n");
  const { err } = await thinktab("synth", ...args);
  expect(err).toContain("2 requests in a row failed");
  expect(readFileSync(out, "utf8")).toBe(before);
});

describe("keys", () => {
  test("come from the variable that is named, and are written nowhere", async () => {
    const secret = "sk-loopback-0123456789";
    vi.stubEnv("SYNTH_TEST_KEY", secret);
    const { server, config } = await endpoint("key", { more: { keyEnv: "SYNTH_TEST_KEY" } });
    const {
      code,
      out: said,
      err,
    } = await thinktab(
      "synth",
      place("pictures", "more"),
      "--models",
      config,
      "--out",
      place("key", "a.jsonl"),
    );
    expect(code).toBe(0);
    expect(server.requests.every(({ headers }) => headers.authorization === `Bearer ${secret}`)).toBe(true);
    expect(said + err).not.toContain(secret);
    for (const name of readdirSync(place("key", "a.synth"))) {
      expect(readFileSync(place("key", "a.synth", name), "utf8")).not.toContain(secret);
    }
  });

  test("by the command line for all; a variable that is not set is named", async () => {
    const { config } = await endpoint("all");
    const { code, err } = await thinktab(
      "synth",
      place("pictures"),
      "--models",
      config,
      "--out",
      place("x.jsonl"),
      "--key-env",
      "NO_SUCH_KEY",
    );
    expect(code).toBe(2);
    expect(err).toContain("the environment variable NO_SUCH_KEY is not set");
  });

  test("in the configuration are refused and not shown", async () => {
    const secret = "sk-0123456789abcdef";
    const { config, server } = await endpoint("secret", { more: { key: secret } });
    const { code, err } = await thinktab(
      "synth",
      place("pictures"),
      "--models",
      config,
      "--out",
      place("secret.jsonl"),
    );
    expect(code).toBe(1);
    expect(err).toMatch(/models\.default: .*key.*no secrets/);
    expect(err).not.toContain(secret);
    expect(server.requests).toEqual([]);
    writeFileSync(config, `models: { default: [ key: ${secret}\n  }`);
    const broken = await thinktab(
      "synth",
      place("pictures"),
      "--models",
      config,
      "--out",
      place("secret.jsonl"),
    );
    expect(broken.err).toMatch(/a fault in line \d \(\w+\), expected YAML or JSON/);
    expect(broken.err).not.toContain(secret);
    expect(existsSync(place("secret.jsonl"))).toBe(false);
  });
});

test("a prompt's file is read beside the configuration", async () => {
  const { config, server } = await endpoint("prompted");
  writeFileSync(place("kind.md"), "Be kind to questions.");
  appendFileSync(config, "questions: 1\nprompts:\n  filter: { file: kind.md }\n");
  const { code } = await thinktab(
    "synth",
    place("pictures", "more"),
    "--models",
    config,
    "--out",
    place("prompted.jsonl"),
  );
  expect(code).toBe(0);
  expect(askedOf(server).filter((request) => request.includes("Be kind to questions.")).length).toBe(4);
  appendFileSync(config, "  rewrite: { file: none.md }\n");
  const missing = await thinktab(
    "synth",
    place("pictures", "more"),
    "--models",
    config,
    "--out",
    place("prompted.jsonl"),
  );
  expect(missing.err).toMatch(/none\.md: no such file, expected the words of a prompt/);
});

test("an unreadable image is dropped and named", async () => {
  mkdirSync(place("bad"));
  writeFileSync(place("bad", "a.png"), scenes[0].png);
  writeFileSync(place("bad", "b.png"), "not an image");
  const { config } = await endpoint("bad");
  const { code, out: said } = await thinktab(
    "synth",
    place("bad"),
    "--models",
    config,
    "--out",
    place("bad.jsonl"),
  );
  expect(code).toBe(0);
  expect(said).toMatch(/^unreadable-image +describe +1$/m);
  const ofImages = lines(place("bad.synth", "drops.jsonl")).filter(({ question }) => question === null);
  expect(ofImages).toMatchObject([{ path: "b.png", reason: "unreadable-image" }]);
});

describe("a wrong command line", () => {
  test.each([
    [["--out", "x.jsonl"], "missing argument: IMAGES, or --toy N", 2],
    [["pictures", "--out", "x.jsonl"], "missing option: --models CONFIG", 2],
    [["pictures", "--toy", "3", "--out", "x.jsonl"], "got IMAGES and --toy", 2],
    [["--toy", "3"], "missing option: --out", 2],
    [["--toy", "0", "--out", "x.jsonl"], "--toy: got 0, expected a whole number from 1 on", 2],
    [["--toy", "3", "--out", folder], "--out: got the folder", 2],
    [["/no/such/folder", "--models", "none.yaml", "--out", "x.jsonl"], "none.yaml: no such file", 1],
  ])("%j", async (args, message, expected) => {
    const { code, err } = await thinktab("synth", ...args);
    expect(err).toContain(message);
    expect(code).toBe(expected);
  });

  test("a folder without images", async () => {
    mkdirSync(place("empty"));
    const { config } = await endpoint("empty");
    const { code, err } = await thinktab(
      "synth",
      place("empty"),
      "--models",
      config,
      "--out",
      place("x.jsonl"),
    );
    expect(code).toBe(1);
    expect(err).toContain("no image in it");
  });
});
