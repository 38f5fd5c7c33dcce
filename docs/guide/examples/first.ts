import type { ContentPart } from "thinktab";
import { policyFolder, startInNode } from "./in-node.ts";

const kit = await startInNode();
try {
  const policy = await kit.loadPolicy(await policyFolder());
  const { messages, answer } = await kit.example({ name: "shapes" }, 7); // a drawn picture and a question about it
  const [, question] = messages[0].content as ContentPart[];
  const [{ text }] = await policy.generate(messages, { prefill: "<think>", temperature: 0 });
  console.log("question:", question.type === "text" && question.text);
  console.log("response:", `<think>${text}`);
  console.log("right is:", answer);
} finally {
  await kit.dispose();
}
