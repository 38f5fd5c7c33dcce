/** The judge worker: an ONNX model computes here, where it may take its time without holding up the page. */
import { expose } from "comlink";
import { JudgeService } from "./judge-service.ts";
import { installTransferHandlers } from "./transfer.ts";

installTransferHandlers();
expose(new JudgeService());
