import { stripVTControlCharacters } from "node:util";
import { defineCommand, renderUsage, runCommand } from "citty";
import type { ArgsDef, CommandDef } from "citty";
import { ThinktabError } from "../util/errors.ts";
import { checkArguments, UsageError } from "./arguments.ts";
import { isAbort } from "./session.ts";
import { kitVersion } from "./versions.ts";

/** Loaded when they are asked for, so that `--version` and a typing error answer at once. */
const commands = {
  doctor: () => import("./doctor.ts").then((module) => module.doctorCommand),
  chat: () => import("./chat.ts").then((module) => module.chatCommand),
  train: () => import("./train.ts").then((module) => module.trainCommand),
  sft: () => import("./sft.ts").then((module) => module.sftCommand),
  toy: () => import("./train.ts").then((module) => module.toyCommand),
  replay: () => import("./replay.ts").then((module) => module.replayCommand),
  parity: () => import("./parity.ts").then((module) => module.parityCommand),
  score: () => import("./score.ts").then((module) => module.scoreCommand),
  data: () => import("./data.ts").then((module) => module.dataCommand),
  synth: () => import("./synth.ts").then((module) => module.synthCommand),
  eval: () => import("./eval.ts").then((module) => module.evalCommand),
  handoff: () => import("./handoff.ts").then((module) => module.handoffCommand),
};

const meta = {
  name: "thinktab",
  version: kitVersion(),
  description: "Vision-language RL on WebGPU: data, training, evaluation",
};

const thinktab = defineCommand({
  meta,
  args: { debug: { type: "boolean", description: "Show the stack of an error" } },
  subCommands: commands,
});

/** Exit codes: done; something failed; the command line is wrong; interrupted by Ctrl-C. */
const exit = { done: 0, failed: 1, usage: 2, interrupted: 130 } as const;

/**
 * The command line. Results go to standard output, progress and errors to standard error.
 * @param argv arguments behind the program's name.
 * @returns the exit code: 0, 1 when something failed, 2 when the command line is wrong, 130 after Ctrl-C.
 */
export async function main(argv: string[]): Promise<number> {
  process.stdout.on("error", leaveWithReader);
  const end = argv.includes("--") ? argv.indexOf("--") : argv.length;
  const debug = argv.slice(0, end).includes("--debug");
  const args = argv.filter((argument, index) => index >= end || argument !== "--debug");
  try {
    return await dispatch(args);
  } catch (error) {
    return report(error, debug, args[0]);
  } finally {
    process.stdout.off("error", leaveWithReader);
  }
}

async function dispatch([name, ...rest]: string[]): Promise<number> {
  if (name === undefined)
    throw new UsageError(`no command given, expected one of ${Object.keys(commands).join(", ")}`);
  if (name === "--help" || name === "-h") return showUsage(thinktab);
  if (name === "--version" || name === "-v") {
    console.log(kitVersion());
    return exit.done;
  }
  if (name.startsWith("-")) throw new UsageError(`unknown option: ${name}`);
  switch (name) {
    case "doctor":
      return run(await commands.doctor(), rest);
    case "chat":
      return run(await commands.chat(), rest);
    case "train":
      return run(await commands.train(), rest);
    case "sft":
      return run(await commands.sft(), rest);
    case "toy":
      return run(await commands.toy(), rest);
    case "replay":
      return run(await commands.replay(), rest);
    case "parity":
      return run(await commands.parity(), rest);
    case "score":
      return run(await commands.score(), rest);
    case "data":
      return run(await commands.data(), rest);
    case "synth":
      return run(await commands.synth(), rest);
    case "eval":
      return run(await commands.eval(), rest);
    case "handoff":
      return run(await commands.handoff(), rest);
    default:
      throw new UsageError(`unknown command: ${name}, expected one of ${Object.keys(commands).join(", ")}`);
  }
}

async function run<Args extends ArgsDef>(command: CommandDef<Args>, rawArgs: string[]): Promise<number> {
  const end = rawArgs.includes("--") ? rawArgs.indexOf("--") : rawArgs.length;
  if (rawArgs.slice(0, end).some((argument) => argument === "--help" || argument === "-h")) {
    return showUsage(command, { meta });
  }
  const args: ArgsDef = (await (typeof command.args === "function" ? command.args() : command.args)) ?? {};
  checkArguments(args, rawArgs);
  const { result } = await runCommand(command, { rawArgs });
  return typeof result === "number" ? result : Number(process.exitCode ?? exit.done);
}

/** @param parent what the usage line puts the command's name behind. */
async function showUsage<Args extends ArgsDef>(
  command: CommandDef<Args>,
  parent?: CommandDef<Args>,
): Promise<number> {
  // The names stand below, each with what it does: in one line they are too many.
  const usage = (await renderUsage(command, parent)).replace(Object.keys(commands).join("|"), "COMMAND");
  console.log(process.stdout.isTTY ? usage : stripVTControlCharacters(usage));
  return exit.done;
}

function report(error: unknown, debug: boolean, command: string | undefined): number {
  if (isAbort(error)) {
    console.error("interrupted");
    return exit.interrupted;
  }
  if (error instanceof UsageError) {
    const known = command !== undefined && Object.hasOwn(commands, command) ? ` ${command}` : "";
    console.error(`thinktab${known}: ${error.message}\nthinktab${known} --help shows what there is.`);
    return exit.usage;
  }
  if (debug || !(error instanceof Error)) console.error(error);
  else {
    console.error(`${error.name}: ${error.message}`);
    if (!(error instanceof ThinktabError)) console.error("(--debug shows where it comes from)");
  }
  return exit.failed;
}

/** A reader that has gone (`thinktab doctor | head`) wants no more: that is no error. */
function leaveWithReader(error: NodeJS.ErrnoException): void {
  if (error.code === "EPIPE") process.exit(exit.done);
  throw error;
}
