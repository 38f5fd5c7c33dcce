/** The numbers that shaders/lib/kl.wgsl knows the estimates of the KL by; names as `KlType` of rl/kl.ts has them. */
export const klTypeNumbers = { k1: 1, k2: 2, k3: 3, abs: 4 } as const;
