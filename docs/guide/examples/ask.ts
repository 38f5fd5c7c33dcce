import type { Message, RemoteCompletion, RemotePolicy } from "thinktab";
import { parseThinkAnswer } from "thinktab/rl";

// #region ask
/** Asks about a picture. `show` is given what there is of the response, again and again. */
export async function ask(
  policy: RemotePolicy,
  image: Blob,
  question: string,
  show: (response: string) => void,
  signal?: AbortSignal,
): Promise<{ reasoning: string | null; answer: string }> {
  const messages: Message[] = [
    {
      role: "user",
      content: [
        { type: "image", image },
        { type: "text", text: question },
      ],
    },
  ];
  let response = "";
  for await (const { text } of policy.generate(messages, { temperature: 0.7, maxNewTokens: 200, signal })) {
    response += text;
    show(response);
  }
  const { think, answer } = parseThinkAnswer(response);
  return { reasoning: think, answer: answer ?? response };
}
// #endregion

// #region several
/** Several responses at once, the most probable first. The chat is computed once for all of them. */
export async function askSeveral(
  policy: RemotePolicy,
  messages: Message[],
  n: number,
): Promise<RemoteCompletion[]> {
  const completions = await policy.generate(messages, { n, temperature: 1, seed: 1, maxNewTokens: 48 });
  const logProbability = ({ logps }: RemoteCompletion) => logps.reduce((sum, logp) => sum + logp, 0);
  return completions.sort((a, b) => logProbability(b) - logProbability(a));
}
// #endregion

// #region look
/** For each token of a response: how sure the policy was of it, and which cell of the picture it looked at most. */
export async function whereItLooked(policy: RemotePolicy, messages: Message[], response: RemoteCompletion) {
  const { logps, images } = await policy.inspect(messages, response.tokens);
  const [{ rows, columns, weights }] = images;
  const [texts] = await policy.tokenTexts([response.tokens]);
  return texts.map((text, token) => {
    const cells = [...weights.subarray(token * rows * columns, (token + 1) * rows * columns)];
    const most = cells.indexOf(Math.max(...cells));
    return {
      text,
      probability: Math.exp(logps[token]),
      row: Math.floor(most / columns),
      column: most % columns,
    };
  });
}
// #endregion
