/**
 * For typedoc: names pages by their headings, and keeps quiet about comments that are one comment. Types that are
 * inferred from a schema have each property's declaration twice, by way of the schema's input and output, and typedoc
 * warns of two comments. Such a warning is dropped when all of the places that it names are the same; others stay.
 *
 * @param {import("typedoc").Application} app
 */
export function load(app) {
  const { logger } = app;
  const warn = logger.warn.bind(logger);
  const info = logger.info.bind(logger);
  /** @type {unknown[] | undefined} a warning whose places, which come next, are not known yet */
  let held;
  const release = () => {
    if (held) Reflect.apply(warn, undefined, held);
    held = undefined;
  };
  logger.warn = (/** @type {unknown[]} */ ...args) => {
    release();
    if (/has multiple declarations with a comment/.test(String(args[0]))) held = args;
    else Reflect.apply(warn, undefined, args);
  };
  logger.info = (/** @type {unknown[]} */ ...args) => {
    const places = /are declared at:\n([\s\S]*)/.exec(String(args[0]))?.[1].split("\n") ?? [];
    const one = new Set(places.map((place) => place.trim())).size === 1;
    if (held && one) {
      held = undefined;
      return;
    }
    release();
    Reflect.apply(info, undefined, args);
  };

  app.converter.on(
    "createDocument",
    (_context, /** @type {import("typedoc").DocumentReflection} */ document) => {
      const text = document.content.map((part) => ("text" in part ? part.text : "")).join("");
      document.name = /^# (.+)$/m.exec(text)?.[1] ?? document.name;
    },
  );
}
