// `npm run build`: the published package's JavaScript, from src/ to dist/. A checkout never needs it.
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bundlePage, writeViewer } from './page.mjs';
import { root } from './setup/places.mjs';
import { setUp } from './setup.mjs';

const node = await setUp({ addon: false });
const dist = join(root, 'dist');
rmSync(dist, { recursive: true, force: true });
const compiler = join(root, 'node_modules/typescript/bin/tsc');
const { status } = spawnSync(node, [compiler, '-p', join(root, 'tsconfig.build.json')], { stdio: 'inherit' });
if (status !== 0) process.exit(status ?? 1);

// What is read while nasnet runs and is no TypeScript.
copyFileSync(join(root, 'src/export/pytorch/network.py'), join(dist, 'export/pytorch/network.py'));

// The dashboard's built page with the WebAssembly of its viewer, and the viewer itself, opened from the package.
const page = join(dist, 'dashboard/page');
mkdirSync(page, { recursive: true });
for (const entry of /** @type {const} */ (['main', 'viewer', 'report'])) {
  const { script, style } = await bundlePage(join(root, 'src/dashboard/page'), entry);
  writeFileSync(join(page, `${entry}.js`), script);
  writeFileSync(join(page, 'style.css'), style);
}
copyFileSync(join(root, 'node_modules/sql.js/dist/sql-wasm-browser.wasm'), join(page, 'sqlite.wasm'));
writeViewer(node);

// The compiler rewrites import paths; a module named by URL (a worker's) is a plain string to it. In declarations it
// leaves them.
for (const name of readdirSync(dist, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.js'))) {
  const path = join(dist, name);
  const text = readFileSync(path, 'utf8');
  const rewritten = text.replace(/(new URL\(\s*['"]\.{1,2}\/[^'"]+)\.ts(['"],\s*import\.meta\.url)/g, '$1.js$2');
  if (rewritten !== text) writeFileSync(path, rewritten);
}
for (const name of readdirSync(dist, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.d.ts'))) {
  const path = join(dist, name);
  const text = readFileSync(path, 'utf8');
  writeFileSync(path, text.replace(/((?:from |import\()['"]\.{1,2}\/[^'"]+)\.ts(['"])/g, '$1.js$2'));
}
