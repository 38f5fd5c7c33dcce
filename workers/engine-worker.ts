/** The engine worker: exposes an Engine on the browser's GPU to the page, and starts the reward worker for it. */
import { expose } from "comlink";
import { version } from "../package.json";
import { Device } from "../src/gpu/device.ts";
import { opfsStore } from "../src/storage/opfs.ts";
import { Engine } from "./engine.ts";

expose(
  new Engine({
    openDevice: (options) => Device.create(options),
    kit: { version, browser: navigator.userAgent },
    runs: {
      openStore: (name) => opfsStore(`thinktab-run-${name}`),
      lock: takeLock,
      locked: async (name) =>
        (await navigator.locks.query()).held?.some((lock) => lock.name === lockName(name)) ?? false,
    },
    startRewardWorker() {
      const worker = new Worker(new URL("./reward-worker.ts", import.meta.url), {
        type: "module",
        name: "rewards",
      });
      return {
        endpoint: worker,
        terminate: () => worker.terminate(),
        died: new Promise((resolve) => {
          worker.onerror = (event) => resolve(event.message || "its script could not be loaded");
        }),
      };
    },
  }),
);

/** The browser gives the lock back when the tab is closed, reloaded or crashes. */
function takeLock(name: string): Promise<(() => void) | null> {
  return new Promise((resolve, reject) => {
    navigator.locks
      .request(lockName(name), { ifAvailable: true }, (lock) => {
        if (!lock) {
          resolve(null);
          return;
        }
        return new Promise<void>((release) => resolve(release));
      })
      .catch(reject);
  });
}

function lockName(name: string): string {
  return `thinktab-run-${name}`;
}
