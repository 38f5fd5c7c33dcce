import { afterEach, expect, test } from "vitest";
import { judgeAnswers } from "../../../docs/guide/examples/judge-answers.ts";
import { says, startChatServer, type ChatServer } from "../../support/chat-server.ts";
import { readText } from "../../support/tree.ts";
import { codeBlocks } from "../pages.ts";
import { printed } from "./support.ts";

let server: ChatServer | undefined;
afterEach(() => server?.close());

test("a rule and a judge score two responses, and the page shows what is printed", async () => {
  server = await startChatServer([says("It lacks the colour. <grade>0.5</grade>")]);
  const { url } = server;
  const { result, lines } = await printed(() => judgeAnswers(url, "sk-of-the-example"));
  expect(result).toEqual([1, expect.closeTo(0.65)]);
  expect(server.requests[0].headers.authorization).toBe("Bearer sk-of-the-example");
  const outputs = codeBlocks(readText("docs/guide/write-a-reward.md")).filter(({ output }) => output);
  const shown = outputs.find(({ output }) => output === "judge-answers.ts");
  expect(shown?.text.trimEnd().split("\n")).toEqual(lines);
});
