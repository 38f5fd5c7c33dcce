/** The data worker: reads data sets, and computes what needs no GPU, away from the page's thread and the engine's. */
import { expose } from "comlink";
import { DataService } from "./data/service.ts";
import { installTransferHandlers } from "./transfer.ts";

installTransferHandlers();
expose(new DataService());
