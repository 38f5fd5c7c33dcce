/** The engine worker: exposes an Engine on the browser's GPU to the page, and starts the reward worker for it. */
import { expose } from "comlink";
import { Device } from "../src/gpu/device.ts";
import { Engine } from "./engine.ts";

expose(
  new Engine({
    openDevice: (options) => Device.create(options),
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
