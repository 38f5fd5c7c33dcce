/** Where in the page somebody is, as the address's hash has it. */

export const tabNames = [
  "ask",
  "train",
  "rollouts",
  "compare",
  "data",
  "synthesis",
  "evaluate",
  "device",
] as const;
export type TabName = (typeof tabNames)[number];

/** What stands after the `#` of an address: `tab`, or `tab?name=value`. */
export interface Place {
  tab: TabName;
  params: URLSearchParams;
}

/** Reads an address's hash; an unknown tab is the first one. */
export function parsePlace(hash: string): Place {
  const [name, query = ""] = hash.replace(/^#/, "").split(/\?(.*)/s);
  return { tab: tabNames.find((tab) => tab === name) ?? "ask", params: new URLSearchParams(query) };
}

/** The hash of a place, with its `#`. */
export function placeHash(tab: TabName, params: Readonly<Record<string, string>> = {}): string {
  const query = new URLSearchParams(params).toString();
  return `#${tab}${query && `?${query}`}`;
}
