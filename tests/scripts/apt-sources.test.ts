import { expect, test } from "vitest";
import { deriveBackports } from "../../scripts/apt-sources.mjs";

const debian = `Types: deb
# snapshot of some day
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
`;

function derive(path: string, text: string) {
  return deriveBackports([{ path, text }], "bookworm");
}

/** The derived file without its comment. */
function entry(path: string, text: string): string {
  const file = derive(path, text);
  if (file === undefined || file === "present") throw new Error(`expected a source file, got ${file}`);
  return file.text.replace(/^#.*\n/, "");
}

test("a .sources stanza keeps its mirror, components and key, and changes its suites", () => {
  expect(derive("/etc/apt/sources.list.d/debian.sources", debian)).toEqual({
    path: "/etc/apt/sources.list.d/bookworm-backports.sources",
    text: `# Added by Thinktab's scripts/setup-system.mjs, from the entry in /etc/apt/sources.list.d/debian.sources.
Types: deb
URIs: http://mirror.example/debian
Suites: bookworm-backports
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
`,
  });
});

test("a key that is folded over lines is kept whole", () => {
  const key =
    "Signed-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n abc\n -----END PGP PUBLIC KEY BLOCK-----";
  const text = `Types: deb\nURIs: https://m.example/d\nSuites: bookworm\nComponents: main contrib\n${key}\n`;
  expect(entry("a.sources", text)).toBe(
    `Types: deb\nURIs: https://m.example/d\nSuites: bookworm-backports\nComponents: main contrib\n${key}\n`,
  );
});

test("a one-line entry keeps its options", () => {
  const text = `# deb http://old.example/debian bookworm main
deb http://m.example/debian-security bookworm-security main
deb [arch=amd64 signed-by=/usr/share/keyrings/k.gpg] http://m.example/debian bookworm main contrib # the mirror
deb-src http://m.example/debian bookworm main
`;
  expect(entry("/etc/apt/sources.list", text)).toBe(
    "deb [arch=amd64 signed-by=/usr/share/keyrings/k.gpg] http://m.example/debian bookworm-backports main contrib\n",
  );
  expect(derive("/etc/apt/sources.list", text)).toMatchObject({
    path: "/etc/apt/sources.list.d/bookworm-backports.list",
  });
});

test("a release named by its role keeps that name", () => {
  expect(entry("a.list", "deb http://m.example/debian oldstable main")).toBe(
    "deb http://m.example/debian oldstable-backports main\n",
  );
});

test("backports that are there already are left alone, in whichever file and format", () => {
  const other = { path: "/etc/apt/sources.list.d/debian.sources", text: debian };
  const line = { path: "b.list", text: "deb http://m.example/debian bookworm-backports main" };
  const stanza = {
    path: "b.sources",
    text: "Types: deb\nURIs: http://m.example/debian\nSuites: bookworm bookworm-backports\nComponents: main\n",
  };
  expect(deriveBackports([other, line], "bookworm")).toBe("present");
  expect(deriveBackports([other, stanza], "bookworm")).toBe("present");
});

test("disabled entries, source packages and other releases give nothing", () => {
  expect(derive("a.sources", debian.replaceAll("Types: deb", "Enabled: no\nTypes: deb"))).toBeUndefined();
  expect(derive("a.sources", debian.replaceAll("Types: deb", "Types: deb-src"))).toBeUndefined();
  expect(derive("a.list", "deb-src http://m.example/debian bookworm main")).toBeUndefined();
  expect(
    derive("a.list", "deb http://m.example/debian trixie main\n# deb http://x bookworm main"),
  ).toBeUndefined();
  expect(derive("a.sources", "")).toBeUndefined();
});

test("a .sources file whose blank lines hold spaces still splits into stanzas", () => {
  expect(entry("a.sources", debian.replace("\n\nTypes", "\n  \t\nTypes"))).toContain(
    "Suites: bookworm-backports\n",
  );
});
