/** Text that is put into a file a megabyte at a time: the browser may keep a Blob's parts on disk. */
export class TextParts {
  #parts: Blob[] = [];
  #text = "";

  add(text: string): void {
    this.#text += text;
    if (this.#text.length > 1 << 20) this.#cut();
  }

  blob(type = "application/x-ndjson"): Blob {
    this.#cut();
    return new Blob(this.#parts, { type });
  }

  #cut(): void {
    this.#parts.push(new Blob([this.#text]));
    this.#text = "";
  }
}
