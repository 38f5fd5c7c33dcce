/** The worker for data sets, synthesis and evaluation: started when the first of them is used. */
import { createDataWorker } from "../../workers/client.ts";
import type { DataWorker } from "../../workers/client.ts";

let started: Promise<DataWorker> | undefined;

/** The page's data worker; started anew after it failed. @throws ThinktabError when it does not start. */
export function dataWorker(): Promise<DataWorker> {
  if (!started) {
    const starting = createDataWorker();
    started = starting;
    const forget = () => {
      if (started === starting) started = undefined;
    };
    starting.then(
      (worker) =>
        void worker.failed.then(() => {
          forget();
          worker.dispose();
        }),
      forget,
    );
  }
  return started;
}
