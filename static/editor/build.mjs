// src/ -> ../build/: workbench.js, what it loads, and the licences of what is in it. The same sources and lock file make the same bytes
// everywhere.
//   npm ci && npm run build            into static/build
//   node build.mjs FOLDER              into another folder
import { build } from "esbuild";
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const out = process.argv[2] ?? join(here, "..", "build");

for (const name of await readdir(out).catch(() => [])) if (name.endsWith(".js")) await rm(join(out, name));
const made = await build({
  absWorkingDir: here,
  entryPoints: ["src/workbench.js"],
  outdir: out,
  bundle: true,
  splitting: true, // tools.js is for whoever begins to write
  minify: true,
  format: "esm",
  target: "es2022",
  charset: "utf8",
  legalComments: "none",
  metafile: true,
  logLevel: "warning",
});

// What was bundled tells which licences apply: all of them are MIT, whose text has to go along.
const names = new Set();
for (const path of Object.keys(made.metafile.inputs)) {
  const found = path.match(/node_modules\/((?:@[^/]+\/)?[^/]+)\//);
  if (found) names.add(found[1]);
}
let text = "workbench.js holds code of the packages below, beside the course's own (static/editor).\n";
for (const name of [...names].sort()) {
  const folder = join(here, "node_modules", name);
  const { version, license } = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
  const terms = await readFile(join(folder, "LICENSE"), "utf8");
  text += `\n${"-".repeat(80)}\n${name} ${version} (${license})\n\n${terms.trim()}\n`;
}
await writeFile(join(out, "workbench.LICENSES.txt"), text);
