/**
 * Imports a module by a name that bundlers are not to follow: one of Node's, an optional package, a user's file. A name
 * that stands in the import itself, or in a constant, is followed by some in spite of the comments.
 */
export function importModule(name: string): Promise<unknown> {
  return import(/* @vite-ignore */ /* webpackIgnore: true */ name);
}
