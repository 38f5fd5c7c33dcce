/**
 * The words of a list. Its calls are marked pure, so that a bundle which uses nothing of a module drops the module's lists.
 */
export function wordSet(list: string): ReadonlySet<string> {
  return new Set(list.split(" "));
}
