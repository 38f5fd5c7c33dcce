/** The worker for data sets, synthesis and evaluation: started when the first of them is used. */
import { createDataWorker } from "../../workers/client.ts";
import type { DataWorker } from "../../workers/client.ts";

let started: Promise<DataWorker> | undefined;

/** The page's data worker; started anew after it failed to start. @throws ThinktabError when it does not start. */
export function dataWorker(): Promise<DataWorker> {
  if (!started) {
    const starting = createDataWorker();
    started = starting;
    starting.catch(() => {
      if (started === starting) started = undefined;
    });
  }
  return started;
}
