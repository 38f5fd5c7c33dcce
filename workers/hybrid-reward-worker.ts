/** The reward worker of records: mathematics is read here, so the algebra package is a part of this file alone. */
import { ComputeEngine } from "@cortex-js/compute-engine";
import { expose } from "comlink";
import { mathEngineOf } from "../src/rl/math/math-json.ts";
import { HybridRewardService } from "./hybrid-rewards.ts";
import { installTransferHandlers } from "./transfer.ts";

installTransferHandlers();
let engine: ReturnType<typeof mathEngineOf> | undefined;
expose(new HybridRewardService(() => Promise.resolve((engine ??= mathEngineOf(new ComputeEngine())))));
