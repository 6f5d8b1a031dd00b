// Bundles browser/src/entry/*.ts into browser/dist, byte for byte the same on every machine with the same lock
// file (style sheets are joined by build.rs). `--tests` bundles browser/test/*.test.ts into browser/dist-test instead.
import { build } from "esbuild";
import { readdirSync, rmSync } from "node:fs";
import { join, dirname } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const forTests = process.argv.includes("--tests");
const listed = (folder, ending) =>
  readdirSync(join(here, folder)).filter((name) => name.endsWith(ending)).sort().map((name) => join(here, folder, name));

const out = join(here, forTests ? "dist-test" : "dist");
rmSync(out, { recursive: true, force: true });

const shared = { absWorkingDir: here, bundle: true, format: "esm", charset: "utf8", logLevel: "warning", outdir: out };
if (forTests) {
  await build({
    ...shared,
    entryPoints: listed("test", ".test.ts"),
    platform: "node",
    target: "node18",
    outExtension: { ".js": ".mjs" },
    sourcemap: "inline",
    // Node 18 has WebCrypto, but not yet as a global name.
    banner: { js: 'import { webcrypto as __webcrypto } from "node:crypto"; globalThis.crypto ??= __webcrypto;' },
  });
} else {
  await build({
    ...shared,
    entryPoints: listed("src/entry", ".ts"),
    platform: "browser",
    target: "es2022",
    minify: true,
    legalComments: "eof",
  });
}
