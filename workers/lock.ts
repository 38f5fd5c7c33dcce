/**
 * Takes a lock that every tab of this origin knows. The function gives it back; null: somebody else has it. The browser
 * gives it back when the tab is closed, reloaded or crashes. Where there are no locks, nobody else can be disturbed.
 */
export function takeLock(name: string): Promise<(() => void) | null> {
  const locks = globalThis.navigator?.locks;
  if (!locks) return Promise.resolve(() => undefined);
  return new Promise((resolve, reject) => {
    locks
      .request(name, { ifAvailable: true }, (lock) => {
        if (!lock) {
          resolve(null);
          return;
        }
        return new Promise<void>((release) => resolve(release));
      })
      .catch(reject);
  });
}
