/**
 * What Node adds: Dawn in the place of a browser's WebGPU, and folders on disk as sources and stores.
 * @module thinktab/node
 */
export { dawnGpu } from "./gpu/dawn.ts";
export { folderSource } from "./storage/folder-source.ts";
export { folderStore } from "./storage/folder-store.ts";
