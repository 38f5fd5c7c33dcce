/** A real HTTP server on loopback in the place of a chat completions endpoint. */
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";

/** A part of a message. */
export interface ChatPart {
  type: string;
  text?: string;
  image_url?: { url: string };
}

/** A request as the server read it. */
export interface ChatRequest {
  method: string;
  url: string;
  headers: IncomingHttpHeaders;
  body: {
    model?: string;
    messages?: { role: string; content: string | ChatPart[] }[];
    [key: string]: unknown;
  };
  /** From 0. */
  index: number;
}

/** What the server does with a request. */
export type ChatReply =
  | { status?: number; headers?: Record<string, string>; body: unknown; afterMs?: number }
  /** Never answers. */
  | "silence"
  /** Ends the connection before a status. */
  | "hang-up"
  /** Ends the connection in the middle of the body. */
  | "break-off";

export interface ChatServer {
  /** For `baseUrl`. */
  url: string;
  requests: ChatRequest[];
  /** Most requests that were under way at a time. */
  mostAtOnce: number;
  /** Requests whose caller went away before the answer. */
  left: number;
  close(): Promise<void>;
}

/** A completion as OpenAI's API has it. */
export function says(content: unknown, more: Record<string, unknown> = {}): { body: unknown } {
  return {
    body: {
      id: "chatcmpl-1",
      object: "chat.completion",
      choices: [{ index: 0, finish_reason: "stop", message: { role: "assistant", content } }],
      usage: { prompt_tokens: 100, completion_tokens: 20, total_tokens: 120 },
      ...more,
    },
  };
}

/** Starts a server that does what `answer` says; a list is gone through, its last entry stays. */
export async function startChatServer(
  answer: readonly ChatReply[] | ((request: ChatRequest) => ChatReply | Promise<ChatReply>),
): Promise<ChatServer> {
  let now = 0;
  const server = createServer((incoming, response) => {
    const chunks: Buffer[] = [];
    chat.mostAtOnce = Math.max(chat.mostAtOnce, ++now);
    response.on("close", () => {
      now--;
      if (!response.writableFinished) chat.left++;
    });
    incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
    incoming.on("end", () => {
      const request: ChatRequest = {
        method: incoming.method ?? "",
        url: incoming.url ?? "",
        headers: incoming.headers,
        body: JSON.parse(Buffer.concat(chunks).toString() || "{}") as ChatRequest["body"],
        index: chat.requests.length,
      };
      chat.requests.push(request);
      const chosen =
        typeof answer === "function" ? answer(request) : answer[Math.min(request.index, answer.length - 1)];
      void Promise.resolve(chosen).then((reply) => {
        if (reply === "silence") return;
        if (reply === "hang-up") incoming.socket.destroy();
        else if (reply === "break-off") {
          response.writeHead(200, { "Content-Type": "application/json", "Content-Length": "1000" });
          response.write('{"choices":', () => incoming.socket.destroy());
        } else {
          const { status = 200, headers = {}, body, afterMs = 0 } = reply;
          const text = typeof body === "string" ? body : JSON.stringify(body);
          setTimeout(() => {
            response.writeHead(status, { "Content-Type": "application/json", ...headers });
            response.end(text);
          }, afterMs);
        }
      });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const chat: ChatServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    requests: [],
    mostAtOnce: 0,
    left: 0,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return chat;
}
