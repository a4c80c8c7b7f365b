// `nasnet detect run MODEL PICTURE…`: finds objects in pictures, and draws them.

import { existsSync, statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { basename, join, parse } from 'node:path';
import { type Command, Option } from 'commander';
import { imageFilesBelow, OmittedFiles } from '../../data/image-files.ts';
import { proposalsTogether } from '../../detect/detector.ts';
import { readDetector, readDetectorDescription } from '../../detect/detector-file.ts';
import { detectionBytes } from '../../detect/detector-memory.ts';
import { planDetector } from '../../detect/detector-plan.ts';
import { drawObjects, paintObjects } from '../../detect/draw-objects.ts';
import { findObjects } from '../../detect/find-objects.ts';
import { prepareDevice } from '../../engine/device.ts';
import { setThreads } from '../../engine/machine.ts';
import { Failure, InputError } from '../../failure.ts';
import { overwriteHelp, ResultFiles } from '../../result-files.ts';
import { visible } from '../../visible.ts';
import { writeWhole } from '../../whole-file.ts';
import { bytesWords, percent, whole } from '../../words.ts';
import { addDeviceFlags, computingOf, type DeviceFlags } from '../flags/device-flags.ts';
import { share, wholeNumber } from '../flags/parsers.ts';
import { printDocument, printWords } from '../terminal/answer.ts';
import { LiveBlock } from '../terminal/live-block.ts';
import { pictureSize } from './picture-size-flag.ts';
import { savedSearch } from './saved-search.ts';

interface Flags extends DeviceFlags {
  output?: string;
  draw: 'svg' | 'png' | 'none';
  leastScore: number;
  size?: readonly [number, number];
  together: number;
  threads: number;
  overwrite?: boolean;
  json?: boolean;
}

/** Objects of a picture, in pixels of the upright view. */
interface PictureObjects {
  file: string;
  /** The file with the boxes drawn. */
  drawing?: string;
  objects: { category: string; score: number; bbox: [x: number, y: number, width: number, height: number] }[];
}

const pictureHelp = 'picture files, and folders: every picture below them, at any depth';

export function registerRunDetector(detect: Command): void {
  const command = detect
    .command('run')
    .description('find objects in pictures; boxes drawn, and as JSON; run again to resume')
    .argument('<model>', 'weights that detect train wrote')
    .argument('<pictures...>', pictureHelp)
    .option('-o, --output <dir>', 'a folder for the drawn pictures and detections.json (default: print only)')
    .addOption(
      new Option('--draw <kind>', 'svg holds the picture and boxes that scale')
        .choices(['svg', 'png', 'none'])
        .default('svg'),
    )
    .option('--least-score <share>', 'objects with a lower score are left out', share('--least-score'), 0.3)
    .option(
      '--size <pixels>',
      "H or HxW to which pictures are brought (default: the detector's)",
      pictureSize('--size'),
    )
    .option(
      '--together <n>',
      'proposals in the second stage at once; fewer take less memory',
      wholeNumber('--together'),
      proposalsTogether,
    )
    .option('--threads <n>', 'default: all cores', wholeNumber('--threads', 'threads'), availableParallelism());
  addDeviceFlags(command)
    .option('--overwrite', overwriteHelp)
    .option('--json', 'one JSON document')
    .addHelpText(
      'after',
      `
Boxes are x, y, width, height in pixels of the upright picture. A picture that cannot be read is named on stderr and stops
nothing. detect evaluate --detections reads detections.json.

Examples:
  nasnet detect run detector.safetensors street.jpg -o found
  nasnet detect run detector.safetensors holidays/ --least-score 0.6 --json`,
    )
    .action(run);
}

async function run(model: string, paths: string[], flags: Flags): Promise<void> {
  const { architecture, settings, categories } = readDetectorDescription(model);
  const block = new LiveBlock(process.stderr);
  const omitted = new OmittedFiles();
  const files = paths.flatMap((path) => picturesOf(path, omitted));
  if (omitted.counts.size > 0) block.log(`Omitted ${omitted.words()}`);
  const input = flags.size ?? settings.input;
  const plan = planDetector(architecture, { ...settings, input }, categories.length);
  const drawings = drawingsOf(files, flags);
  const list = flags.output && join(flags.output, 'detections.json');
  const of = `detect run ${JSON.stringify({ model, files, ...flags })}`;
  const results = new ResultFiles({ of, inputs: [model, ...files], overwrite: flags.overwrite });
  if (list) results.claim(list, ...drawings.flatMap((path) => path ?? []));
  block.log(`Memory: at most ${bytesWords(detectionBytes(plan, flags.together))} predicted`);
  setThreads(flags.threads);
  const computing = computingOf(flags);
  prepareDevice(computing.device);
  const { detector } = readDetector(model, computing);
  const { leastScore, together } = flags;
  const { detections, unreadable } = await savedSearch(
    { model, pictures: files, settings: { input, leastScore, together } },
    block,
    (options) => findObjects(detector, files, { input, leastScore, together, ...options }),
    (done) => block.draw([`  ${whole(done)} of ${whole(files.length)} pictures`]),
  );
  block.draw([]);
  for (const sentence of unreadable) block.log(sentence);
  if (unreadable.length === files.length)
    throw new Failure(files.length === 1 ? unreadable[0]! : `none of the ${files.length} pictures could be read`);
  const unread = new Set(unreadable.map((sentence) => files.find((file) => sentence.startsWith(`${file}: `))));
  const found: PictureObjects[] = [];
  for (const [picture, file] of files.entries()) {
    if (unread.has(file)) continue;
    const own = detections.filter((detection) => detection.picture === picture);
    const objects = own.map(({ category, score, x, y, width, height }): PictureObjects['objects'][number] => ({
      category: categories[category]!.name,
      score,
      bbox: [x, y, width, height],
    }));
    const drawing = drawings[picture];
    if (drawing) {
      const drawn = own.map((object) => ({
        ...object,
        label: `${categories[object.category]!.name} ${percent(object.score, 0)}`,
      }));
      writeWhole(drawing, flags.draw === 'png' ? [await paintObjects(file, drawn)] : await drawObjects(file, drawn));
    }
    found.push({ file, ...(drawing && { drawing }), objects });
  }
  const document = { model, leastScore: flags.leastScore, pictures: found, unreadable };
  if (list) {
    writeWhole(list, `${JSON.stringify(document, null, 2)}\n`);
    results.keep();
  }
  if (leastScore > 0 && found.every(({ objects }) => objects.length === 0))
    block.log(
      `No object has a score of ${percent(leastScore, 0)} or more; a lower --least-score shows less certain ones`,
    );
  if (flags.json) printDocument(document);
  else printWords(found.map(words).join(''));
}

/** Lists the pictures of a path. @throws InputError for a missing path or a folder without pictures */
function picturesOf(path: string, omitted: OmittedFiles): string[] {
  if (!existsSync(path)) throw new InputError(`${path}: expected a picture or a folder of pictures, got no such file`);
  if (!statSync(path).isDirectory()) return [path];
  const files = imageFilesBelow(path, omitted).map((file) => file.path);
  if (files.length === 0) throw new InputError(`${path}: expected pictures in this folder, found none`);
  return files;
}

/** Returns the file of each picture's drawing, with a number where two have one name; undefined: nothing is drawn. */
function drawingsOf(files: readonly string[], { output, draw }: Flags): (string | undefined)[] {
  const taken = new Set<string>();
  return files.map((file) => {
    if (output === undefined || draw === 'none') return undefined;
    const { name } = parse(basename(file));
    let chosen = name;
    for (let number = 2; taken.has(chosen); number++) chosen = `${name}-${number}`;
    taken.add(chosen);
    return join(output, `${chosen}.${draw}`);
  });
}

/** Formats a picture with its objects below. */
function words({ file, objects, drawing }: PictureObjects): string {
  const rows = objects.map(({ category, score, bbox }) => {
    const [x, y, width, height] = bbox.map((value) => value.toFixed(0)) as [string, string, string, string];
    return `  ${percent(score).padStart(6)}  ${visible(category)}  at ${x}, ${y}, ${width} × ${height}\n`;
  });
  const count = objects.length === 1 ? '1 object' : `${whole(objects.length)} objects`;
  return `${visible(file)}: ${count}${drawing ? `, drawn in ${visible(drawing)}` : ''}\n${rows.join('')}`;
}
