/** SHA-256 of bytes, as 64 hexadecimal digits. The same in browsers (https or localhost), workers and Node. */
export async function sha256Hex(bytes: Uint8Array): Promise<string> {
  // The digest takes no bytes that may be shared between threads.
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new Uint8Array(bytes)));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
