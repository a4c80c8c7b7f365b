// The files of the page. A published package carries them built; a checkout builds them from page/ when they are first
// needed (esbuild, a fifth of a second).

import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export interface PageFile {
  type: string;
  body: string | Uint8Array;
}

/** Returns the script and the style sheet of the page. */
export async function pageParts(
  entry: 'main' | 'viewer' | 'report' = 'main',
): Promise<{ script: string; style: string }> {
  const read = (name: string) => readFileSync(new URL(`../page/${name}`, import.meta.url), 'utf8');
  const built = new URL(`../page/${entry}.js`, import.meta.url);
  if (existsSync(built)) return { script: readFileSync(built, 'utf8'), style: read('style.css') };
  const { bundlePage } = await import('../../../scripts/page.mjs');
  return bundlePage(fileURLToPath(new URL('../page', import.meta.url)), entry);
}

const icon = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="8" fill="#0b6bb8"/><g stroke="#fff" stroke-width="2.4" fill="none"><path d="M9 23V17a4 4 0 0 1 4-4h6a4 4 0 0 0 4-4M23 23v-6"/></g><g fill="#fff"><circle cx="9" cy="24" r="3"/><circle cx="23" cy="24" r="3"/><circle cx="23" cy="8" r="3"/></g></svg>`;

/** By path. */
export async function pageFiles(): Promise<Record<string, PageFile>> {
  const { script, style } = await pageParts();
  return {
    '/': { type: 'text/html; charset=utf-8', body: shell },
    '/page.js': { type: 'text/javascript; charset=utf-8', body: script },
    '/page.css': { type: 'text/css; charset=utf-8', body: style },
    '/icon.svg': { type: 'image/svg+xml', body: icon },
    '/favicon.ico': { type: 'image/svg+xml', body: icon },
  };
}

const shell = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>nasnet</title>
<link rel="icon" href="/icon.svg">
<link rel="stylesheet" href="/page.css">
<script type="module" src="/page.js"></script>
</head>
<body>
<div id="page"><p class="opening" role="status">Opening the study …</p></div>
<noscript><p>The dashboard draws in the browser and needs JavaScript.</p></noscript>
</body>
</html>
`;
