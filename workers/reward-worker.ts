/** The reward worker: rewards are computed here, where they may take their time without holding up the GPU. */
import { expose } from "comlink";
import { RewardService } from "./rewards.ts";
import { installTransferHandlers } from "./transfer.ts";

installTransferHandlers();
expose(new RewardService());
