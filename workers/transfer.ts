/** What Comlink does not carry by itself: errors with their class, and AbortSignals. Import for its effect. */
import { transferHandlers } from "comlink";
import type { TransferHandler } from "comlink";
import { errorRecord, reviveError } from "../src/util/errors.ts";
import type { ErrorRecord } from "../src/util/errors.ts";

let installed = false;

/**
 * A call with a signal of its own. What crosses leaves a channel open and a listener at the signal until it is aborted:
 * for a signal that outlives many calls too long. The end of the call ends both.
 */
export async function withOwnSignal<T>(
  signal: AbortSignal | undefined,
  call: (own: AbortSignal | undefined) => Promise<T>,
): Promise<T> {
  if (!signal) return call(undefined);
  const own = new AbortController();
  const abort = () => own.abort(signal.reason);
  if (signal.aborted) abort();
  else signal.addEventListener("abort", abort, { once: true });
  try {
    return await call(own.signal);
  } finally {
    signal.removeEventListener("abort", abort);
    own.abort(new DOMException("the call is over", "AbortError"));
  }
}

/** Teaches this side of a boundary to carry errors and signals; both sides must. Calling it again does nothing. */
export function installTransferHandlers(): void {
  if (installed) return;
  installed = true;
  const thrown = transferHandlers.get("throw");
  if (!thrown) throw new Error("Comlink's handler of thrown values is missing");
  // Comlink marks what was thrown with a symbol of its own: its test for the mark is kept, the rest replaced.
  const errors: TransferHandler<{ value: unknown }, ErrorRecord> = {
    canHandle: (value): value is { value: unknown } => thrown.canHandle(value),
    serialize: ({ value }) => [errorRecord(value), []],
    deserialize(record) {
      throw reviveError(record);
    },
  };
  transferHandlers.set("throw", errors);
  transferHandlers.set("abort-signal", signals);
}

type WireSignal = { aborted: ErrorRecord } | { port: MessagePort };

/** A signal crosses as a port on which the reason arrives. */
const signals: TransferHandler<AbortSignal, WireSignal> = {
  canHandle: (value): value is AbortSignal => value instanceof AbortSignal,
  serialize(signal) {
    if (signal.aborted) return [{ aborted: errorRecord(signal.reason) }, []];
    const { port1, port2 } = new MessageChannel();
    const abort = () => {
      port1.postMessage(errorRecord(signal.reason));
      port1.close();
    };
    signal.addEventListener("abort", abort, { once: true });
    return [{ port: port2 }, [port2]];
  },
  deserialize(wire) {
    const controller = new AbortController();
    if ("aborted" in wire) {
      controller.abort(reviveError(wire.aborted));
    } else {
      const { port } = wire;
      port.onmessage = ({ data }: MessageEvent<ErrorRecord>) => {
        controller.abort(reviveError(data));
        port.close();
      };
    }
    return controller.signal;
  },
};
