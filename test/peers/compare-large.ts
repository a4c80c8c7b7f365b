// `node test/peers/compare-large.ts`: NASNet-A large at 331 × 331, imported from each source's format, against the
// released graph in PyTorch. Prints the differences, how long an import took and the most memory it used. Minutes, 2 GB
// of disk and memory: too much for the test suite, which compares the mobile model.

import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { importWeights } from '../../src/import/import-weights.ts';
import { readSafetensors } from '../../src/nn/safetensors.ts';
import {
  mistakes,
  peerMissing,
  relativeDifference,
  temporaryFolder,
  writeKerasFile,
  writePeerFiles,
} from '../import/peer.ts';

const agreement = 1e-4; // of the largest logit

interface Comparison {
  source: string;
  classes: number;
  difference: number;
  importSeconds: number;
  /** The process's largest resident memory until the import was done. */
  importMegabytes: number;
}

/** In a process of its own, so that its memory is the import's alone. */
async function compareOne(path: string, results: string): Promise<Comparison> {
  const begin = performance.now();
  const { network, match } = await importWeights(path);
  const importSeconds = (performance.now() - begin) / 1000;
  const importMegabytes = process.resourceUsage().maxRSS / 1024;
  const { images, logits } = readSafetensors(results).tensors;
  const difference = relativeDifference(network, images!, logits!);
  return { source: match.source, classes: match.plan.classes, difference, importSeconds, importMegabytes };
}

async function compareAll(): Promise<void> {
  const missing = peerMissing();
  if (missing) throw new Error(missing);
  let agreed = true;
  for (const [format, file, classes] of [
    ['keras', 'keras.h5', 1000],
    ['safetensors', 'torch.safetensors', 1000],
    ['legacy', 'legacy.pth', 1001],
    ['zip', 'zip.pth', 1001],
  ] as const) {
    const folder = temporaryFolder();
    const withMistakes = format === 'keras' ? ['--mistakes', ...mistakes] : [];
    const results = writePeerFiles('large', folder, [
      '--images',
      '1',
      '--classes',
      `${classes}`,
      '--formats',
      format,
      ...withMistakes,
    ]);
    const path = join(folder, file);
    if (format === 'keras') {
      await writeKerasFile(path, readSafetensors(join(folder, 'keras.safetensors')).tensors, 'save_weights');
      const largest = results.logits!.abs().max().item();
      for (const mistake of mistakes) {
        console.log(
          `mistake "${mistake}": ${(results[mistake]!.sub(results.logits!).abs().max().item() / largest).toExponential(2)}`,
        );
      }
    }
    const output = execFileSync(process.execPath, [import.meta.filename, path, join(folder, 'results.safetensors')], {
      encoding: 'utf8',
    });
    const { source, difference, importSeconds, importMegabytes } = JSON.parse(output) as Comparison;
    agreed &&= difference < agreement;
    console.log(
      `${file} (${source}, ${classes} classes): difference ${difference.toExponential(2)}, import ${importSeconds.toFixed(1)} s, ${importMegabytes.toFixed(0)} MB`,
    );
  }
  if (!agreed) process.exitCode = 1;
}

const [path, results] = process.argv.slice(2);
if (path && results) console.log(JSON.stringify(await compareOne(path, results)));
else await compareAll();
