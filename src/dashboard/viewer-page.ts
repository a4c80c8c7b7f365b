// The viewer: one HTML file with all inside, SQLite's WebAssembly too, on which any study can be dropped. It loads
// nothing, and its content security policy forbids it.

import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { gzipSync } from 'node:zlib';
import { pageParts } from './server/page-files.ts';

/** Returns the text of the page. */
export async function viewerPage(): Promise<string> {
  const { script, style } = await pageParts('viewer');
  return onePage({ title: 'nasnet: a study', script, style, data: { sqlite: gzipSync(wasm()) }, needsWasm: true });
}

function wasm(): Uint8Array {
  const beside = new URL('./page/sqlite.wasm', import.meta.url); // of a published package
  if (existsSync(beside)) return readFileSync(beside);
  return readFileSync(createRequire(import.meta.url).resolve('sql.js/dist/sql-wasm-browser.wasm'));
}

interface Parts {
  title: string;
  script: string;
  style: string;
  /** Compressed bytes that the script reads from elements of these ids. */
  data: Record<string, Uint8Array>;
  needsWasm?: boolean;
}

const hash = (text: string) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

/** Returns a page without any other file, whose policy allows its own script only. */
export function onePage({ title, script, style, data, needsWasm = false }: Parts): string {
  const code = script.replaceAll('</script', '<\\/script');
  const policy = [
    "default-src 'none'",
    `script-src ${hash(code)}${needsWasm ? " 'wasm-unsafe-eval'" : ''}`,
    `style-src ${hash(style)}`,
    'img-src data: blob:',
    ...(needsWasm ? ['worker-src blob:'] : []),
  ].join('; ');
  const parts = Object.entries(data).map(
    ([id, bytes]) => `<script type="text/plain" id="${id}">${Buffer.from(bytes).toString('base64')}</script>`,
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`)}</title>
<style>${style}</style>
</head>
<body>
<div id="page"><p class="opening" role="status">Opening …</p></div>
${parts.join('\n')}
<script>${code}</script>
</body>
</html>
`;
}
