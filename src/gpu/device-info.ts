import { windowAlignmentBytes } from "./tensor.ts";

/** Which device is opened, and what of it is used. */
export interface DeviceOptions {
  /** Where to ask for an adapter; `navigator.gpu` by default. In Node: `await dawnGpu()`. */
  gpu?: GPU;
  /** A device of the caller's. It is used as it is and never destroyed. */
  device?: GPUDevice;
  powerPreference?: GPUPowerPreference;
  /** Use shader-f16 where the adapter has it. Default true. */
  f16?: boolean;
  /** Use subgroups where the adapter has them. Default true. */
  subgroups?: boolean;
  /** Lowers the largest binding, above which tensors are split by rows. */
  maxBindingBytes?: number;
  /** What the kit may allocate in all. Unlimited by default: WebGPU does not say what a device has. */
  memoryBudgetBytes?: number;
  /** Time the variants of tunable kernels when a Program is built, and pin the fastest. Default false: fixed defaults. */
  autotune?: boolean;
}

/** What a device is and can do, in plain values: for run records, budgets and the doctor. */
export interface DeviceInfo {
  vendor: string;
  architecture: string;
  device: string;
  description: string;
  features: string[];
  f16: boolean;
  subgroups: boolean;
  subgroupMinSize: number | undefined;
  subgroupMaxSize: number | undefined;
  timestamps: boolean;
  maxBindingBytes: number;
  maxBufferBytes: number;
  maxStorageBuffers: number;
  maxWorkgroupBytes: number;
  maxWorkgroupInvocations: number;
}

/** Reads a device once; options lower what it says. */
export function deviceInfo(handle: GPUDevice, options: DeviceOptions): DeviceInfo {
  const { adapterInfo, features, limits } = handle;
  const bindingLimit =
    Math.floor(limits.maxStorageBufferBindingSize / windowAlignmentBytes) * windowAlignmentBytes;
  return {
    vendor: adapterInfo.vendor,
    architecture: adapterInfo.architecture,
    device: adapterInfo.device,
    description: adapterInfo.description,
    features: [...features].sort(),
    f16: features.has("shader-f16") && options.f16 !== false,
    subgroups: features.has("subgroups") && options.subgroups !== false,
    subgroupMinSize: adapterInfo.subgroupMinSize,
    subgroupMaxSize: adapterInfo.subgroupMaxSize,
    timestamps: features.has("timestamp-query"),
    maxBindingBytes: Math.min(bindingLimit, options.maxBindingBytes ?? Infinity),
    maxBufferBytes: limits.maxBufferSize,
    maxStorageBuffers: limits.maxStorageBuffersPerShaderStage,
    maxWorkgroupBytes: limits.maxComputeWorkgroupStorageSize,
    maxWorkgroupInvocations: limits.maxComputeInvocationsPerWorkgroup,
  };
}
