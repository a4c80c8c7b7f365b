// Bundles the dashboard's page (src/dashboard/page) with esbuild: for the published package, and when a checkout first
// shows it.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';

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
  const [script] = outputFiles;
  if (!script) throw new Error(`esbuild wrote nothing for ${entry}`);
  return { script: script.text, style: readFileSync(join(folder, 'style.css'), 'utf8') };
}
