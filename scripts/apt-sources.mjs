/**
 * Derives the entry of a Debian suite's backports from the entry the machine already has for that suite, so that the
 * same mirror, keys and options are used. Pure: text in, text out.
 */

/** @typedef {{ path: string, text: string }} SourceFile a file of apt's, with its path */

/**
 * @param {SourceFile[]} files apt's source files, in either format
 * @param {string} codename such as "bookworm"
 * @returns {SourceFile | "present" | undefined} the file to add; "present" when the machine has backports already;
 *   undefined when no entry for the suite was found to derive one from
 */
export function deriveBackports(files, codename) {
  /** @type {SourceFile | undefined} */
  let derived;
  for (const { path, text } of files) {
    const oneLine = path.endsWith(".list");
    for (const entry of oneLine ? text.split("\n") : text.split(/\n(?:[ \t]*\n)+/)) {
      const found = oneLine ? fromLine(entry, codename) : fromStanza(entry, codename);
      if (found === "present") return "present";
      if (!found || derived) continue;
      const extension = oneLine ? "list" : "sources";
      derived = {
        path: `/etc/apt/sources.list.d/${codename}-backports.${extension}`,
        text: `# Added by Thinktab's scripts/setup-system.mjs, from the entry in ${path}.\n${found}\n`,
      };
    }
  }
  return derived;
}

/**
 * @param {readonly string[]} suites
 * @param {string} codename
 * @returns {string | undefined} name of the backports suite, if these suites hold the release itself
 */
function backportsOf(suites, codename) {
  const suite = suites.find((name) => name === codename || name === "stable" || name === "oldstable");
  return suite && `${suite}-backports`;
}

/** @param {readonly string[]} suites @param {string} codename */
function holdsBackports(suites, codename) {
  return [codename, "stable", "oldstable"].some((name) => suites.includes(`${name}-backports`));
}

/**
 * A stanza of a .sources file (deb822): fields, folded lines, comments.
 * @param {string} stanza @param {string} codename
 */
function fromStanza(stanza, codename) {
  const lines = stanza.split("\n").filter((line) => line.trim() !== "" && !line.startsWith("#"));
  /** @type {Map<string, string[]>} */
  const fields = new Map();
  let name = "";
  for (const line of lines) {
    const folded = /^[ \t]/.test(line);
    if (!folded) name = line.slice(0, line.indexOf(":")).toLowerCase();
    fields.set(name, [...(fields.get(name) ?? []), line]);
  }
  /** @param {string} field */
  const words = (field) =>
    (fields.get(field) ?? [])
      .join(" ")
      .replace(/^[^:]*:/, "")
      .split(/\s+/)
      .filter(Boolean);

  if (!words("types").includes("deb") || words("enabled")[0] === "no") return undefined;
  if (holdsBackports(words("suites"), codename)) return "present";
  const suite = backportsOf(words("suites"), codename);
  if (!suite) return undefined;
  fields.set("suites", [`Suites: ${suite}`]);
  return [...fields.values()].flat().join("\n");
}

/**
 * A line of a .list file: `deb [options] uri suite component…`
 * @param {string} line @param {string} codename
 */
function fromLine(line, codename) {
  const parts = /^\s*deb\s+(\[[^\]]*\]\s+)?(\S+)\s+(\S+)\s+(\S.*)$/.exec(line.replace(/#.*$/, "").trimEnd());
  if (!parts) return undefined;
  const [, options = "", uri, given, components] = parts;
  if (holdsBackports([given], codename)) return "present";
  const suite = backportsOf([given], codename);
  return suite && `deb ${options}${uri} ${suite} ${components}`;
}
