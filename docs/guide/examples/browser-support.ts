// #region check
/** Why a page cannot run the kit here; null when it can. Asks for an adapter, and downloads nothing. */
export async function whyNot(gpu: GPU | undefined = globalThis.navigator?.gpu): Promise<string | null> {
  if ("isSecureContext" in globalThis && !isSecureContext)
    return "WebGPU needs a page from https, or from localhost.";
  if (!gpu) return "This browser has no WebGPU, or it is switched off.";
  const adapter = await gpu.requestAdapter();
  if (!adapter) return "This browser has WebGPU, but no driver that it trusts on this machine.";
  return null;
}
// #endregion
