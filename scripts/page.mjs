// Bundles the dashboard's page (src/dashboard/page) with esbuild: for the published package, and when a checkout first
// shows it.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { build, stop } from 'esbuild';
import { root } from './setup/places.mjs';

/**
 * @param {string} folder src/dashboard/page
 * @param {'main' | 'viewer' | 'report'} entry
 * @returns {Promise<{ script: string, style: string }>}
 */
export async function bundlePage(folder, entry) {
  const { outputFiles } = await build({
    entryPoints: [join(folder, `${entry}.tsx`)],
    bundle: true,
    write: false,
    minify: true,
    format: entry === 'main' ? 'esm' : 'iife',
    target: 'es2022',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    legalComments: 'inline',
    charset: 'utf8',
    logLevel: 'error',
  });
  await stop(); // its own process would stay
  const [script] = outputFiles;
  if (!script) throw new Error(`esbuild wrote nothing for ${entry}`);
  return { script: script.text, style: readFileSync(join(folder, 'style.css'), 'utf8') };
}

/**
 * Writes examples/viewer/index.html, which shows a study that is dropped on it.
 * @param {string} node a Node that runs TypeScript
 */
export function writeViewer(node) {
  const file = join(root, 'examples/viewer/index.html');
  const code = `
    const { viewerPage } = await import(process.argv[1]);
    (await import('node:fs')).writeFileSync(process.argv[2], await viewerPage());`;
  const module = new URL('../src/dashboard/viewer-page.ts', import.meta.url).href;
  const { status } = spawnSync(node, ['--input-type=module', '-e', code, module, file], { stdio: 'inherit' });
  if (status !== 0) throw new Error(`${file} could not be written`);
}
