// Writes a classifier or a detector as one self-contained HTML file: the page of examples/browser, onnxruntime-web, the
// model and example pictures. It loads nothing else, and its content security policy forbids it.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { gzipSync } from 'node:zlib';
import { Failure, InputError } from '../../failure.ts';
import { writeWhole } from '../../whole-file.ts';

export interface ExamplePicture {
  name: string;
  /** `image/jpeg`, … */
  type: string;
  bytes: Uint8Array;
}

const largestModel = 256e6; // bytes; browsers limit the length of the base64 text

/**
 * Writes the page atomically.
 * @param onnx the bytes of an ONNX file that export/onnx or detect/onnx wrote
 * @param pictures example pictures to show on the page
 * @returns the size of the page in bytes
 * @throws InputError if the network is larger than 256 MB; Failure if onnxruntime-web is missing or the file cannot be
 *   written
 */
export function writeHtml(path: string, onnx: Uint8Array, pictures: readonly ExamplePicture[] = []): number {
  if (onnx.length > largestModel) {
    const got = `${Math.round(onnx.length / 1e6)} MB`;
    throw new InputError(
      `${path}: expected a network of at most 256 MB for a page, got ${got}; its ONNX file can be dropped on the page of another`,
    );
  }
  return writeWhole(path, [pageOf(onnx, pictures)]);
}

const page = (name: string) => readFileSync(new URL(`../../../examples/browser/${name}`, import.meta.url), 'utf8');
const modules = ['image.js', 'model.js', 'network.js', 'objects.js', 'worker.js'];
const policy = [
  "default-src 'none'",
  "script-src 'unsafe-inline' 'wasm-unsafe-eval' data: blob:",
  "style-src 'unsafe-inline'",
  'img-src data: blob:',
  'connect-src data: blob:',
].join('; ');

function pageOf(onnx: Uint8Array, pictures: readonly ExamplePicture[]): string {
  const { module, wasm } = runtime();
  const imports = Object.fromEntries(modules.map((name) => [`./${name}`, dataUrl(page(name))]));
  const parts: Record<string, string> = {
    '<meta charset="utf-8">': `<meta charset="utf-8">\n  <meta http-equiv="Content-Security-Policy" content="${policy}">`,
    '<link rel="stylesheet" href="style.css">': `<style>\n${page('style.css')}</style>`,
    '<script type="module" src="main.js"></script>': [
      embed('runtime', gzipSync(wasm)),
      embed('model', gzipSync(onnx)),
      `<script type="application/json" id="pictures">${json(pictures.map(encodePicture))}</script>`,
      `<script type="module">\n${page('main.js')}</script>`,
    ].join('\n  '),
  };
  const importMap = json({ imports: { 'onnxruntime-web': dataUrl(module), ...imports } });
  let html = page('index.html')
    .replace(/<!-- .*? -->\n/, '')
    .replace(/<script type="importmap">.*?<\/script>/s, () => `<script type="importmap">${importMap}</script>`);
  for (const [tag, inline] of Object.entries(parts)) {
    if (!html.includes(tag)) throw new Error(`examples/browser/index.html: expected ${tag}`);
    html = html.replace(tag, () => inline);
  }
  return html;
}

/** Reads the smallest build of onnxruntime-web: WebAssembly on the CPU. */
function runtime(): { module: string; wasm: Uint8Array } {
  try {
    const module = createRequire(import.meta.url).resolve('onnxruntime-web/wasm');
    const file = (name: string) => readFileSync(new URL(name, `file://${module}`));
    return { module: file('ort.wasm.bundle.min.mjs').toString(), wasm: file('ort-wasm-simd-threaded.wasm') };
  } catch (error) {
    const [reason] = (error as Error).message.split('\n');
    throw new Failure(
      `onnxruntime-web, which runs the network in the page, could not be read (${reason}): install it with \`npm install onnxruntime-web\``,
    );
  }
}

/** Embeds bytes as a text that the browser does not run. */
const embed = (id: string, bytes: Uint8Array) =>
  `<script type="text/plain" id="${id}">${Buffer.from(bytes).toString('base64')}</script>`;

const dataUrl = (script: string) => `data:text/javascript;base64,${Buffer.from(script).toString('base64')}`;

const encodePicture = ({ name, type, bytes }: ExamplePicture) => ({
  name,
  type,
  base64: Buffer.from(bytes).toString('base64'),
});

/** Returns JSON that cannot close the element around it. */
const json = (value: unknown) => JSON.stringify(value).replaceAll('<', '\\u003c');
