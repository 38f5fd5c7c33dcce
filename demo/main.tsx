/** The page's entry: what it looks like, what it shows, and the engine behind it. */
import "./style.css";
import { render } from "preact";
import { App } from "./app.tsx";
import { registerOffline } from "./state/offline.ts";
import { run } from "./state/run.ts";
import { session } from "./state/session.ts";

const root = document.getElementById("app");
if (!root) throw new Error("index.html: #app is missing");
render(<App />, root);
await session.start();
registerOffline(); // the first visit's engine should not wait for copies of its files
await run.look();
// Another tab may have begun, or ended, a run meanwhile.
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible") void run.look();
});
