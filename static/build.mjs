// Builds what the pages load from node_modules into static/vendor; run by `make install`.
// Writes a new directory and swaps it in at the end, so a failed build leaves the old one whole.
import { cp, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import * as sass from "sass";

const here = path.dirname(fileURLToPath(import.meta.url));
const modules = path.join(here, "..", "node_modules");
const target = path.join(here, "vendor");
const fresh = path.join(here, "vendor.new");

const FILES = {
  "socket.io.min.js": "socket.io-client/dist/socket.io.min.js",
  "idiomorph.min.js": "idiomorph/dist/idiomorph.min.js",
  "chart.umd.js": "chart.js/dist/chart.umd.min.js",
  "nhsuk-frontend.min.js": "nhsuk-frontend/dist/nhsuk/nhsuk-frontend.min.js",
  "nhsuk-icon-cross.svg": "nhsuk-frontend/dist/nhsuk/assets/images/nhsuk-icon-cross.svg",
};
const FONT = path.join(modules, "@fontsource", "atkinson-hyperlegible-next");
const WEIGHTS = [400, 500, 600, 700];

async function files() {
  for (const [name, source] of Object.entries(FILES)) {
    const text = await readFile(path.join(modules, source), "utf8");
    // The maps are not served, so their mention would be a 404 in every developer console.
    await writeFile(path.join(fresh, name), text.replace(/^\/\/# sourceMappingURL=.*$/m, ""));
  }
}

async function fonts() {
  await mkdir(path.join(fresh, "fonts"));
  let css = "";
  for (const weight of WEIGHTS) {
    const source = await readFile(path.join(FONT, `${weight}.css`), "utf8");
    // Each face of the package lists woff2, then woff for browsers that Socket.IO no longer serves.
    css += source.replace(/url\(\.\/files\/([^)]+\.woff2)\) format\('woff2'\),[^;]+;/g, "url(fonts/$1) format('woff2');");
  }
  const faces = [...css.matchAll(/url\(fonts\/([^)]+)\)/g)].map((match) => match[1]);
  if (faces.length < 2 * WEIGHTS.length || css.includes("./files/")) {
    throw new Error(`the font package changed its shape: found ${faces.length} woff2 faces`);
  }
  for (const file of faces) await cp(path.join(FONT, "files", file), path.join(fresh, "fonts", file));
  await writeFile(path.join(fresh, "fonts.css"), css);
}

// The light theme's colours as Sass variables: Sass computes shades, so it needs values, not var().
async function tokensAsSass() {
  const css = await readFile(path.join(here, "css", "tokens.css"), "utf8");
  const root = css.match(/:root\s*{([^}]*)}/)[1];
  return [...root.matchAll(/--([\w-]+):\s*(#[0-9a-f]{3,8})\s*;/gi)]
    .map(([, name, colour]) => `$${name}: ${colour};`)
    .join("\n");
}

async function forms() {
  const tokens = await tokensAsSass();
  const { css } = sass.compile(path.join(here, "src", "nhsuk.scss"), {
    style: "compressed",
    loadPaths: [path.join(modules, "nhsuk-frontend", "dist")],
    quietDeps: true,
    importers: [
      {
        canonicalize: (url) => (url === "tokens" ? new URL("tokens:light") : null),
        load: () => ({ contents: tokens, syntax: "scss" }),
      },
    ],
  });
  if (/https?:\/\//.test(css.replaceAll("http://www.w3.org/2000/svg", ""))) {
    throw new Error("nhsuk.css would load something from outside");
  }
  await writeFile(path.join(fresh, "nhsuk.css"), css);
}

await rm(fresh, { recursive: true, force: true });
await mkdir(fresh, { recursive: true });
await Promise.all([files(), fonts(), forms()]);
await rm(target, { recursive: true, force: true });
await rename(fresh, target);
