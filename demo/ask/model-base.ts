const hub = "https://huggingface.co";

/**
 * Where a model's files lie, from the address that a person has at hand: of its page at Hugging Face, with or without
 * a revision, or of any folder on a server.
 */
export function modelBase(address: string): string {
  const base = address.trim().replace(/[/?#]+$/, "");
  const page = /^https:\/\/huggingface\.co\/([^/?#]+\/[^/?#]+)(?:\/(?:tree|blob)\/([^/?#]+))?$/.exec(base);
  return page ? `${hub}/${page[1]}/resolve/${page[2] ?? "main"}` : base;
}
