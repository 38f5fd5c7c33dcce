import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { encodePng } from "../../src/data/encode-png.ts";
import type { EvaluationReport } from "../../src/evaluation/runs/report.ts";
import { shapesTask } from "../../src/tasks/shapes.ts";
import { fixturePath } from "../support/fixtures.ts";
import { says, startChatServer, type ChatServer } from "../support/chat-server.ts";
import { tooWide } from "./recipe.ts";
import { thinktab } from "./run.ts";

const folder = mkdtempSync(join(tmpdir(), "thinktab-eval-"));
const path = (name: string) => join(folder, name);
const key = "THINKTAB_TEST_KEY";

let server: ChatServer;

/** Pictures of the toy task with their questions and answers. */
async function toyRows(count: number) {
  const task = shapesTask();
  return Promise.all(
    Array.from({ length: count }, async (_, i) => {
      const { image, problem, answer } = task.example(i, "test");
      return {
        pixels: Buffer.from(await encodePng(image)).toString("base64"),
        problem,
        answer: answer ?? "",
      };
    }),
  );
}

function writeTable(name: string, rows: readonly (readonly string[])[]): string {
  writeFileSync(path(name), rows.map((cells) => `${cells.join("\t")}\n`).join(""));
  return path(name);
}

async function report(...args: string[]): Promise<EvaluationReport> {
  const { code, out, err } = await thinktab("eval", ...args, "--json");
  expect(err).not.toMatch(/Error/);
  expect(code).toBe(0);
  return JSON.parse(out) as EvaluationReport;
}

const lines = (file: string) => readFileSync(file, "utf8").trimEnd().split("\n");

beforeAll(async () => {
  const rows = await toyRows(6);
  writeTable("toy.tsv", [
    ["index", "image", "question", "answer", "category"],
    ...rows.map(({ pixels, problem, answer }, i) => [
      String(i),
      pixels,
      problem,
      answer,
      i < 3 ? "one" : "two",
    ]),
  ]);
  // Three questions of two rotations; the second names the image of the first.
  writeTable("circular.tsv", [
    ["index", "image", "question", "A", "B", "answer"],
    ...rows.slice(0, 3).map(({ pixels }, i) => [String(i), pixels, `shape ${i} ?`, "circle", "square", "A"]),
    ...rows
      .slice(0, 3)
      .map((_, i) => [String(i + 1_000_000), String(i), `shape ${i} ?`, "square", "circle", "B"]),
  ]);
  // As a judge: the letter that the circle has. As the one that answers: the same, but wrong in one rotation.
  server = await startChatServer(({ body }) => {
    const text = JSON.stringify(body.messages);
    if (body.model === "broken") return { status: 401, body: "no such key" };
    const wrong = body.model === "player" && text.includes("shape 2 ?") && text.includes("A. square");
    const letter = text.includes("A. circle") !== wrong ? "A" : "B";
    return says(body.model === "player" ? `<think>hm</think><answer>${letter}</answer>` : letter);
  });
  const config = (model: string) => ({ kind: "openai", baseUrl: server.url, model, takesImages: true });
  for (const model of ["judge", "player", "broken"])
    writeFileSync(path(`${model}.json`), JSON.stringify(config(model)));
  vi.stubEnv(key, "secret-of-the-test");
});

afterAll(async () => {
  vi.unstubAllEnvs();
  await server.close();
});

describe("the policy answers", { timeout: 300_000 }, () => {
  const toy = ["--benchmark", "exact", "--system", "none", "--max-tokens", "48", "--batch", "4"];

  test("six toy pictures: table, files, and nothing asked twice", async () => {
    const out = path("run");
    const table = path("toy.tsv");
    const { code, out: text, err } = await thinktab("eval", table, ...toy, "--out", out);
    expect(err).not.toMatch(/Error/);
    expect(code).toBe(0);
    expect(tooWide(text)).toEqual([]);
    expect(text).toMatch(/^benchmark toy, scored as exact$/m);
    expect(text).toMatch(/^answers +6 of 6 answered$/m);
    expect(text).toMatch(/^sampling +greedy, up to 48 tokens$/m);
    expect(readdirSync(out)).toEqual([
      "report.csv", "report.json", "report.md", "samples.jsonl", "scores.jsonl", "settings.json",
    ]); // prettier-ignore
    const right = lines(join(out, "scores.jsonl")).filter((line) => line.includes('"score":1')).length;
    expect(right).toBeGreaterThan(2); // what the toy policy can
    const accuracy = ((100 * right) / 6).toFixed(1);
    expect(text).toContain(`Accuracy: ${accuracy}%`);
    expect(lines(join(out, "report.csv"))[1]).toMatch(/^toy,toy,,headline,Accuracy,Accuracy,/);
    expect(readFileSync(join(out, "report.md"), "utf8")).toContain(`**Accuracy: ${accuracy}%`);

    // Killed in the middle of the fifth line, then begun again.
    const samples = lines(join(out, "samples.jsonl"));
    writeFileSync(
      join(out, "samples.jsonl"),
      `${samples.slice(0, 4).join("\n")}\n${samples[4].slice(0, 30)}`,
    );
    const again = await thinktab("eval", table, ...toy, "--out", out);
    expect(again.err).toContain("going on: 4 of 6 rows are answered already");
    expect(again.out).toBe(text);
    // Greedy answers are the same in other company.
    const found = lines(join(out, "samples.jsonl")).flatMap((line) => (line.endsWith("}") ? [line] : []));
    expect(found.sort()).toEqual(samples.sort());

    const other = await thinktab("eval", table, ...toy, "--out", out, "--temperature", "1");
    expect(other.code).toBe(1);
    expect(other.err).toContain("got sampling.temperature 1, expected sampling.temperature 0");
  });

  test("drawn answers are the same for a seed, whatever is asked beside them", async () => {
    const drawn = async (name: string, ...more: string[]) => {
      const sampling = ["--temperature", "1", "--seed", "3", "--max-tokens", "24"];
      await report(path("toy.tsv"), "--benchmark", "exact", ...sampling, "--out", path(name), ...more);
      return lines(path(`${name}/samples.jsonl`));
    };
    const first = await drawn("drawn", "--batch", "6");
    expect(await drawn("drawn-two", "--batch", "2")).toEqual(first);
  });

  test("rotations of a question, what no rule reads judged, judgements kept", async () => {
    const out = path("circular");
    const judge = ["--judge", path("judge.json"), "--judge-key-env", key];
    const first = await report(
      path("circular.tsv"),
      "--system",
      "none",
      "--max-tokens",
      "16",
      "--out",
      out,
      ...judge,
    );
    expect(first.benchmark.scoring).toBe("circular-choice"); // by its indices
    expect(first.headline.units).toBe(3);
    // The policy knows no letters; the judge takes every answer for the circle.
    expect(first.counts.how.judge + first.counts.how.rule).toBe(6);
    expect(first.headline.value).toBe(100);
    const { length } = server.requests;
    expect(length).toBeGreaterThan(0);
    expect(
      server.requests.every(({ headers }) => headers.authorization === "Bearer secret-of-the-test"),
    ).toBe(true);
    for (const file of readdirSync(out))
      expect(readFileSync(join(out, file), "utf8")).not.toContain("secret-of-the-test");

    // By the recorded replies; and without any judge.
    expect((await report("--rescore", out)).headline).toEqual(first.headline);
    expect(server.requests).toHaveLength(length);
    const ruled = await report("--rescore", out, "--judge", "none");
    expect(ruled.scoring.judge).toBeNull();
    expect(ruled.counts.how.undecided).toBe(first.counts.how.judge);
  });
});

describe("a policy of one's own", { timeout: 300_000 }, () => {
  test("answers with its adapter, which the run is tied to, and judges itself as well as it can", async () => {
    writeFileSync(path("self.json"), '{ "kind": "policy", "adapter": false }');
    const fixture = fixturePath("qwen2_5_vl_tiny");
    const model = ["--model", fixture, "--max-tokens", "4", "--limit", "1", "--judge", path("self.json")];
    const adapter = ["--adapter", join(fixture, "adapter")];
    const result = await report(path("circular.tsv"), ...model, ...adapter, "--out", path("own"));
    expect(result.settings.model).toEqual({
      name: fixture,
      adapter: expect.stringMatching(/^[0-9a-f]{16}$/) as string,
      format: null,
    });
    expect(result.scoring.judge?.name).toBe("policy without adapter");
    // Random weights say nothing that can be read: what fails is left out and counted.
    const { rule, judge, "judge-failed": failed } = result.counts.how;
    expect(rule + judge + failed).toBe(2);
    expect(result.counts.scored).toBe(2 - failed);
    const without = await thinktab("eval", path("circular.tsv"), ...model, "--out", path("own"));
    expect(without.err).toMatch(/got model.adapter null, expected model.adapter "[0-9a-f]{16}"/);
  });
});

describe("an endpoint answers", { timeout: 120_000 }, () => {
  const player = () => ["--endpoint", path("player.json"), "--key-env", key];

  test("rotations, of which one is wrong: two of three questions count", async () => {
    const result = await report(path("circular.tsv"), ...player(), "--out", path("player"));
    expect(result.headline.value).toBeCloseTo(200 / 3);
    expect(result.counts.how).toMatchObject({ rule: 6, undecided: 0 });
    expect(result.settings.model).toEqual({ name: "player", endpoint: server.url });
  });

  test("two runs are compared", async () => {
    await report("--rescore", path("circular"), "--judge", path("judge.json"));
    const { code, out } = await thinktab("eval", "--compare", path("player"), path("circular"));
    expect(code).toBe(0);
    expect(out).toMatch(
      /^B - A +\+33\.3 \(95%: 0\.0 to \+100\.0, paired bootstrap, 2000 resamples, seed 0\)$/m,
    );
    expect(out).toContain("The interval holds 0: this does not tell the runs apart.");
    expect(out).toContain("nothing: both have the same answers");
    expect(out).toMatch(/^- model.name: "player" and "toy"$/m);
    expect(tooWide(out)).toEqual([]);
    const limited = await report(path("circular.tsv"), ...player(), "--limit", "2", "--out", path("two"));
    expect(limited.counts.asked).toBe(4);
    const json = await thinktab("eval", "--compare", path("player"), path("two"), "--json");
    expect(JSON.parse(json.out)).toMatchObject({
      samples: 4,
      units: 2,
      difference: 0,
      a: { only: 2 },
      b: { only: 0 },
    });
  });

  test("tags are left in on request, which changes what rules read", async () => {
    const result = await report("--rescore", path("player"), "--no-cut-tags");
    expect(result.scoring.cutTags).toBe(false);
    expect(result.counts.how.undecided).toBe(6);
    expect(result.headline.value).toBe(0);
  });

  test("that refuses leaves questions open: exit code 1, and what to do", async () => {
    const { code, err, out } = await thinktab(
      "eval", path("circular.tsv"), "--endpoint", path("broken.json"), "--out", path("broken"), "--json",
    ); // prettier-ignore
    expect(code).toBe(1);
    expect(err).toMatch(/row 0 has no answer: broken at .*: got status 401: no such key/);
    expect(err).toContain("6 questions have no answer: the same command asks these alone");
    expect((JSON.parse(out) as EvaluationReport).headline.value).toBeNull();
    expect(existsSync(path("broken/samples.jsonl"))).toBe(false);
  });
});

describe("what is refused", () => {
  test.each([
    [[], "missing argument: TABLE"],
    [["--compare", "a"], "--compare needs two folders: --compare A B"],
    [["--compare", "a", "b", "--limit", "3"], "--limit is not an option of --compare"],
    [["--rescore", "a", "--model", "toy"], "--model is not an option of --rescore"],
    [["--rescore", "a", "b"], "unexpected argument: b"],
    [["TABLE", "--endpoint", "e.json", "--model", "toy"], "--model is not for --endpoint"],
    [["TABLE", "--limit", "1.5"], "--limit: got 1.5, expected a whole number"],
    [["TABLE", "--benchmark", "MMFoo"], "--benchmark: got MMFoo, expected one of"],
    [["TABLE", "--out", "package.json"], "--out: got the file package.json, expected a folder"],
  ])("%j", async (args, message) => {
    const { code, err, out } = await thinktab(
      "eval",
      ...args.map((arg) => (arg === "TABLE" ? path("toy.tsv") : arg)),
    );
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toContain(message);
  });

  test.each([
    [["no-such.tsv"], "no-such.tsv: no such file"],
    [["--rescore", "no-such-folder"], "no-such-folder: no such folder, expected the folder of an evaluation"],
    [["--rescore", folder], "it holds no evaluation"],
    [["TABLE", "--judge", "no-such.json"], "--judge: no-such.json: no such file"],
    [["--rescore", "RUN", "--judge", "SELF"], "model: policy: got none loaded, expected a loaded policy"],
    [["TABLE", "--endpoint", "KEYED"], "key: got a field that is unknown, expected no secrets"],
  ])("%j", async (args, message) => {
    writeFileSync(
      path("keyed.json"),
      '{"kind":"openai","baseUrl":"http://x","model":"m","key":"secret-one"}',
    );
    const given = args.map(
      (arg) =>
        ({ TABLE: path("toy.tsv"), KEYED: path("keyed.json"), RUN: path("player"), SELF: path("self.json") })[
          arg
        ] ?? arg,
    );
    const { code, err } = await thinktab("eval", ...given);
    expect(code).toBe(1);
    expect(err).toContain(message);
    expect(err).not.toContain("secret-one");
  });

  test("a key that is not there", async () => {
    const { code, err } = await thinktab(
      "eval",
      path("toy.tsv"),
      "--endpoint",
      path("player.json"),
      "--key-env",
      "NO_SUCH_VARIABLE",
    );
    expect(code).toBe(2);
    expect(err).toContain("--key-env: the variable NO_SUCH_VARIABLE is empty");
  });

  test("a table with an index twice", async () => {
    writeTable("twice.tsv", [
      ["index", "question"],
      ["0", "which ?"],
      ["0", "which ?"],
    ]);
    const { code, err } = await thinktab("eval", path("twice.tsv"), "--endpoint", path("player.json"));
    expect(code).toBe(1);
    expect(err).toMatch(/^CorruptFileError: twice.tsv .*: (row 2|got the columns)/m);
  });
});
