import { vi } from "vitest";
import { main } from "../../src/cli/main.ts";

export interface CliResult {
  code: number;
  out: string;
  err: string;
}

/** Runs the command line in this process and catches what it writes. */
export async function thinktab(...args: string[]): Promise<CliResult> {
  const result = { code: 0, out: "", err: "" };
  const spies = [
    vi.spyOn(process.stdout, "write").mockImplementation((text) => ((result.out += String(text)), true)),
    vi.spyOn(process.stderr, "write").mockImplementation((text) => ((result.err += String(text)), true)),
    vi.spyOn(console, "log").mockImplementation((text = "") => void (result.out += `${text}\n`)),
    vi.spyOn(console, "error").mockImplementation((text) => {
      result.err += `${text instanceof Error ? text.stack : text}\n`;
    }),
  ];
  try {
    result.code = await main(args);
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
  return result;
}
