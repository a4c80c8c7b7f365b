// `nasnet detect export MODEL`: a detector as an ONNX file or as a page for the browser, compared with the engine
// before it appears.

import { readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { readDetector } from '../../detect/detector-file.ts';
import { exportDetector } from '../../detect/onnx/detector-onnx.ts';
import { framePicture, pictureBatch, testPlacement } from '../../detect/pictures.ts';
import { writeHtml } from '../../export/html/export-html.ts';
import { InputError } from '../../failure.ts';
import { overwriteHelp, ResultFiles } from '../../result-files.ts';
import { temporaryFolder } from '../../whole-file.ts';
import { bytesWords, whole } from '../../words.ts';
import { examplePictures, offeredSide, spreadImages } from '../export/images.ts';
import { share } from '../flags/parsers.ts';
import { printDocument, printWords } from '../terminal/answer.ts';
import { LiveBlock } from '../terminal/live-block.ts';

interface Flags {
  output: string;
  leastScore?: number;
  images?: string;
  verifyWith?: string[];
  verify: boolean;
  overwrite?: boolean;
  json?: boolean;
}

/** Pictures of --images that are compared; each takes as long as finding its objects twice. */
const compared = 4;

export function registerExportDetector(detect: Command): void {
  detect
    .command('export')
    .description('a detector as an ONNX file or a page for the browser, compared with the engine')
    .argument('<model>', 'weights that detect train wrote')
    .option('-o, --output <file>', 'FILE.onnx, or FILE.html for the page', outputFile, 'detector.onnx')
    .option(
      '--least-score <share>',
      "objects with a lower score are left out (default: the head's)",
      share('--least-score'),
    )
    .option('--images <dir>', `compare on ${compared} of these pictures too; the page offers six of them`)
    .option('--verify-with <pictures...>', 'pictures to compare on, besides random ones')
    .option('--no-verify', 'do not compare it, which needs onnxruntime')
    .option('--overwrite', overwriteHelp)
    .option('--json', 'one JSON document')
    .addHelpText(
      'after',
      `
The page draws boxes over the pictures dropped on it. It contains the detector and its runtime, opens with a double-click and works
offline; no picture leaves the browser. Detectors and classifiers, .onnx files, can be dropped on it as well.

The ONNX file takes one picture of the detector's size at a time. Inputs: images [1, 3, height, width], red, green and blue from -1
to 1, and extent, height and width of the picture within them. Outputs: boxes x1, y1, x2, y2 in pixels of images, scores, and labels,
places in the metadata's categories. Opset 17: RoiAlign or GridSample, NonMaxSuppression, TopK.

Examples:
  nasnet detect export detector.safetensors -o detector.onnx --verify-with street.jpg
  nasnet detect export detector.safetensors -o page.html --images photos`,
    )
    .action(exportModel);
}

const isPage = (output: string) => /\.html$/i.test(output);

function outputFile(text: string): string {
  if (/.\.(onnx|html)$/i.test(text)) return text;
  throw new InputError(`--output: expected a file name that ends with .onnx or .html, got ${JSON.stringify(text)}`);
}

async function exportModel(model: string, flags: Flags): Promise<void> {
  const { output, leastScore, images: folder, verifyWith = [], verify } = flags;
  if (folder !== undefined && !verify && !isPage(output))
    throw new InputError('--images: expected it for a page or to compare with, got --no-verify');
  const block = new LiveBlock(process.stderr);
  const of = `detect export ${JSON.stringify({ model, leastScore })}`;
  const results = new ResultFiles({ of, inputs: [model, ...verifyWith], overwrite: flags.overwrite });
  results.claim(output);
  const { detector, description } = readDetector(model);
  const { input, framing } = description.settings;
  const framed = async (path: string) => {
    const { pixels } = await framePicture(path, input, (size) => testPlacement(size, input, framing));
    return pictureBatch([pixels], input, detector.device);
  };
  const images = [];
  for (const path of verifyWith) images.push(await framed(path));
  for (const path of folder === undefined ? [] : spreadImages(folder, compared)) {
    const image = await framed(path).catch((error: Error) => {
      if (!(error instanceof InputError)) throw error;
      block.log(error.message); // one of a folder stops nothing
    });
    if (image) images.push(image);
  }
  block.draw([`  Writing ${output}`]);
  const options = { images, verify, ...(leastScore !== undefined && { leastScore }) };
  const writeModel = (path: string) => exportDetector(path, detector, description, options);
  const { bytes, comparison } = isPage(output)
    ? await writePage(output, writeModel, folder, Math.max(offeredSide, ...input))
    : await writeModel(output);
  block.draw([]);
  results.keep();
  if (flags.json) printDocument({ model, output, bytes, ...(comparison && { comparison }) });
  else {
    const verdict = comparison
      ? `, the engine's ${whole(comparison.objects)} objects in ${whole(comparison.pictures)} pictures: within ${comparison.pixels.toExponential(1)} pixels and ${comparison.score.toExponential(1)} of score`
      : ', not compared';
    printWords(
      `${output}: ${bytesWords(bytes)}${verdict}\n${isPage(output) ? 'open it in a browser, it needs no server\n' : ''}`,
    );
  }
}

/** Writes the page around an ONNX file that is compared first. @param folder of pictures to offer */
async function writePage(
  output: string,
  writeModel: (path: string) => ReturnType<typeof exportDetector>,
  folder: string | undefined,
  side: number,
) {
  const temporary = temporaryFolder(tmpdir());
  try {
    const path = join(temporary, 'detector.onnx');
    const { comparison } = await writeModel(path);
    const pictures = folder === undefined ? [] : await examplePictures(folder, side);
    return { bytes: writeHtml(output, readFileSync(path), pictures), comparison };
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}
