/** An engine in the thread of its user, for a device of theirs, which cannot cross into a worker. */
import { expose } from "comlink";
import type { Endpoint } from "comlink";
import type { DeviceOptions } from "../src/gpu/device.ts";
import { browserHost } from "./browser-host.ts";
import { Engine } from "./engine.ts";

/** The end of a channel to a new engine, as a worker would be one; `close` ends the channel. */
export function engineHere(device: NonNullable<DeviceOptions["device"]>): {
  endpoint: Endpoint;
  close: () => void;
} {
  const { port1, port2 } = new MessageChannel();
  const engine = new Engine(browserHost(device));
  expose(engine, port1);
  return {
    endpoint: port2,
    close() {
      port1.close();
      port2.close();
      // No worker ends here with all that it holds: its buffers, its locks, its reward worker.
      void engine.dispose().catch(() => undefined);
    },
  };
}
