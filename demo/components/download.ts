/** Saves something as a file of the user's. */
export function download(data: Uint8Array | string | Blob, fileName: string, type: string): void {
  const blob =
    data instanceof Blob
      ? data
      : new Blob([typeof data === "string" ? data : new Uint8Array(data)], { type });
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = fileName;
  link.click();
  // The browser reads the address after the click, at a time of its own.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
