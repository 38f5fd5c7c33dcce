/** Keeps the page for when there is no network: the built site has a service worker, see vite.config.ts. */
export function registerOffline(): void {
  // Not while it is developed: it would serve what was built before. Not without https, where there is none.
  if (!import.meta.env.PROD || !("serviceWorker" in navigator)) return;
  const register = () => {
    navigator.serviceWorker.register("./service-worker.js").catch(() => {
      // A browser that blocks storage refuses it: the page then works as long as there is a network.
    });
  };
  // After the engine has its files: the first visit should not wait for copies of them.
  if (document.readyState === "complete") register();
  else addEventListener("load", register, { once: true });
}
