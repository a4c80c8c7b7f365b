// `nasnet detect export MODEL`: a detector as an ONNX file, compared with the engine before it appears.

import type { Command } from 'commander';
import { readDetector } from '../../detect/detector-file.ts';
import { exportDetector } from '../../detect/onnx/detector-onnx.ts';
import { framePicture, pictureBatch, testPlacement } from '../../detect/pictures.ts';
import { InputError } from '../../failure.ts';
import { overwriteHelp, ResultFiles } from '../../result-files.ts';
import { bytesWords, whole } from '../../words.ts';
import { share } from '../flags/parsers.ts';
import { printDocument, printWords } from '../terminal/answer.ts';
import { LiveBlock } from '../terminal/live-block.ts';

interface Flags {
  output: string;
  leastScore?: number;
  verifyWith?: string[];
  verify: boolean;
  overwrite?: boolean;
  json?: boolean;
}

export function registerExportDetector(detect: Command): void {
  detect
    .command('export')
    .description('a detector as an ONNX file, compared with the engine on random and your own pictures')
    .argument('<model>', 'weights that detect train wrote')
    .option('-o, --output <file>', 'the ONNX file', onnxFile, 'detector.onnx')
    .option(
      '--least-score <share>',
      "objects with a lower score are left out (default: the head's)",
      share('--least-score'),
    )
    .option('--verify-with <pictures...>', 'pictures to compare on, besides random ones')
    .option('--no-verify', 'do not compare it, which needs onnxruntime')
    .option('--overwrite', overwriteHelp)
    .option('--json', 'one JSON document')
    .addHelpText(
      'after',
      `
One picture of the detector's size at a time. Inputs: images [1, 3, height, width], red, green and blue from -1 to 1, and extent,
height and width of the picture within them. Outputs: boxes x1, y1, x2, y2 in pixels of images, scores, and labels, places in
the metadata's categories. Opset 17: RoiAlign or GridSample, NonMaxSuppression, TopK.

Example:
  nasnet detect export detector.safetensors -o detector.onnx --verify-with street.jpg`,
    )
    .action(exportModel);
}

function onnxFile(text: string): string {
  if (/.\.onnx$/i.test(text)) return text;
  throw new InputError(`--output: expected a file name that ends with .onnx, got ${JSON.stringify(text)}`);
}

async function exportModel(model: string, flags: Flags): Promise<void> {
  const { output, leastScore, verifyWith = [], verify } = flags;
  const block = new LiveBlock(process.stderr);
  const of = `detect export ${JSON.stringify({ model, leastScore })}`;
  const results = new ResultFiles({ of, inputs: [model, ...verifyWith], overwrite: flags.overwrite });
  results.claim(output);
  const { detector, description } = readDetector(model);
  const { input, framing } = description.settings;
  const images = [];
  for (const path of verifyWith) {
    const { pixels } = await framePicture(path, input, (size) => testPlacement(size, input, framing));
    images.push(pictureBatch([pixels], input, detector.device));
  }
  block.draw([`  Writing ${output}`]);
  const { bytes, comparison } = await exportDetector(output, detector, description, {
    images,
    verify,
    ...(leastScore !== undefined && { leastScore }),
  });
  block.draw([]);
  results.keep();
  if (flags.json) printDocument({ model, output, bytes, ...(comparison && { comparison }) });
  else {
    const compared = comparison
      ? `, the engine's ${whole(comparison.objects)} objects in ${whole(comparison.pictures)} pictures: within ${comparison.pixels.toExponential(1)} pixels and ${comparison.score.toExponential(1)} of score`
      : ', not compared';
    printWords(`${output}: ${bytesWords(bytes)}${compared}\n`);
  }
}
