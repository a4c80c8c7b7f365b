// `nasnet prepare SOURCE -o FOLDER`: writes pictures once as training reads them fastest.

import { type Command, Option } from 'commander';
import { mayTuneProcess } from '../engine/host-process.ts';
import { InputError, Interruption } from '../failure.ts';
import { overwriteHelp, ResultFiles, requireOutside } from '../result-files.ts';
import { type ImageSource, openPart, openSource, type SourceOptions } from '../streams/open-source.ts';
import {
  clearFolder,
  estimateBytes,
  type Preparation,
  preparationIdentity,
  preparedIndexPath,
  preparePart,
  requireDisk,
} from '../streams/prepare-part.ts';
import { isPrepared, openPrepared, verifyPrepared } from '../streams/prepared.ts';
import { type SourcePart, sourceParts } from '../streams/stream-index.ts';
import { bytesWords, duration, whole } from '../words.ts';
import { countFromZero, wholeNumber } from './flags/parsers.ts';
import { printDocument, printWords } from './terminal/answer.ts';
import { onInterrupt } from './terminal/interrupt.ts';
import { LiveBlock } from './terminal/live-block.ts';

interface Flags {
  output?: string;
  validation?: string;
  devkit?: string;
  as: SourcePart;
  side: number;
  quality: number;
  raw?: boolean;
  seed: number;
  dryRun?: boolean;
  verify?: boolean;
  overwrite?: boolean;
  json?: boolean;
}

const defaults = { side: 256, quality: 90, seed: 1 };

const help = `
SOURCE is what streams are read from (docs/streams.md): class folders, ImageNet's tars, WebDataset, TFRecord, Parquet.
The order is shuffled once, so that training reads shards from their beginning to their end; the same command goes on
after it was stopped or killed. Disk for ImageNet's 1.28 million pictures at 256 pixels: about 30 GB as JPEG, 280 GB raw.

Examples:
  nasnet prepare photos -o photos-256
  nasnet prepare ILSVRC2012_img_train.tar --validation ILSVRC2012_img_val.tar -o imagenet --side 384
  nasnet prepare photos -o photos-raw --raw --side 256 --dry-run
  nasnet prepare photos-256 --verify`;

export function registerPrepare(program: Command): void {
  program
    .command('prepare')
    .description('write pictures once as training reads them fastest: scaled down, shuffled, in shards with checksums')
    .argument('<source>', 'pictures with classes; with --verify a prepared folder')
    .option('-o, --output <folder>', 'a new folder, or that of a preparation to continue')
    .option('--validation <source>', 'validation pictures, where SOURCE has none')
    .option('--devkit <path>', "ImageNet's devkit for its validation pictures (default: the one next to them)")
    .addOption(
      new Option('--as <part>', 'what pictures without a part are').choices(sourceParts).default('train' as SourcePart),
    )
    .option(
      '--side <pixels>',
      'scale the short side down to this; smaller pictures stay as they are',
      wholeNumber('--side', 'pixels'),
      defaults.side,
    )
    .option(
      '--quality <n>',
      'of JPEG, from 1 to 100; from 95 on with colours at full resolution',
      jpegQuality,
      defaults.quality,
    )
    .option('--raw', 'store pixels: about ten times the disk, and nothing to decode')
    .option('--seed <n>', 'of the order', countFromZero('--seed'), defaults.seed)
    .option('--dry-run', 'only say what it would write and take')
    .option('--verify', 'compare all shards of a prepared folder with their checksums')
    .option('--overwrite', overwriteHelp)
    .option('--json', 'one JSON document')
    .addHelpText('after', help)
    .action((source: string, flags: Flags) => (flags.verify ? verify(source, flags) : prepare(source, flags)));
}

function jpegQuality(text: string): number {
  if (/^[1-9]\d?$|^100$/.test(text)) return Number(text);
  throw new InputError(`--quality: expected a whole number from 1 to 100, got ${JSON.stringify(text)}`);
}

async function prepare(path: string, flags: Flags): Promise<void> {
  const { output, validation, raw, side, quality, seed, overwrite = false, json } = flags;
  if (output === undefined) throw new InputError('prepare: expected a folder to write with -o, got none');
  const inputs = [path, ...(validation === undefined ? [] : [validation])];
  for (const input of inputs) requireOutside(input, output);
  // Pictures are encoded in parallel, one thread each.
  if (mayTuneProcess()) (await import('sharp')).default.concurrency(1);
  const block = new LiveBlock(process.stderr);
  const sources = await openParts(path, flags, block);
  const preparations = sources.map(
    ([part, source]): Preparation => ({
      source,
      part,
      root: output,
      side,
      quality: raw ? undefined : quality,
      seed,
    }),
  );
  const estimates = [];
  for (const preparation of preparations) estimates.push(await stated(preparation, block));
  const [needed, has] = requireDisk(
    output,
    estimates.reduce((sum, { bytes }) => sum + bytes, 0),
  );
  block.log(`Disk: ${bytesWords(needed)} needed, ${bytesWords(has)} free for ${output}`);
  if (flags.dryRun) {
    if (json) printDocument({ folder: output, parts: estimates });
    return;
  }
  const results = new ResultFiles({
    of: `prepare ${JSON.stringify({ parts: preparations.map(preparationIdentity) })}`,
    inputs,
    overwrite,
  });
  results.check(...preparations.map(preparedIndexPath));
  for (const preparation of preparations) clearFolder(preparation, overwrite);
  results.claim(...preparations.map(preparedIndexPath));
  const written = [];
  for (const preparation of preparations) written.push(await writePart(preparation, block));
  results.keep();
  block.draw([]);
  if (json) printDocument({ folder: output, parts: written });
  else for (const part of written) printWords(`${output}: ${writtenWords(part)}\n`);
}

/** Opens the parts that the sources have. @throws InputError if their classes differ */
async function openParts(path: string, flags: Flags, block: LiveBlock): Promise<[SourcePart, ImageSource][]> {
  const optionsOf = (source: string, part: SourcePart): SourceOptions => ({
    part,
    devkit: flags.devkit,
    onListed: (count) => block.draw([`  listing ${source}: ${whole(count)} pictures`]),
  });
  const found = new Map<SourcePart, ImageSource>();
  for (const part of sourceParts) {
    const source =
      part === 'validation' && flags.validation !== undefined
        ? await openSource(flags.validation, optionsOf(flags.validation, part))
        : await openPart(path, optionsOf(path, part));
    if (source && source.count > 0) found.set(part, source);
  }
  const [train, validation] = [found.get('train'), found.get('validation')];
  if (train && validation && flags.validation === undefined && train.identity === validation.identity) {
    found.clear(); // the source has no parts
    found.set(flags.as, train);
  } else if (train && validation && train.classes.join('\0') !== validation.classes.join('\0'))
    throw new InputError(
      `${flags.validation ?? path}: expected the ${whole(train.classes.length)} classes of the training pictures, ` +
        `got ${whole(validation.classes.length)}${validation.classes.length === train.classes.length ? ' others' : ''}`,
    );
  if (found.size === 0) throw new InputError(`${path}: expected pictures, found none`);
  for (const source of found.values()) for (const remark of source.remarks) block.log(remark);
  if (!found.has('validation')) block.log(`${path} has no validation pictures; --validation names others`);
  return [...found];
}

interface Estimate {
  part: SourcePart;
  pictures: number;
  classes: number;
  bytes: number;
}

async function stated(preparation: Preparation, block: LiveBlock): Promise<Estimate> {
  const { part, source, quality, side } = preparation;
  const { bytes, from } = await estimateBytes(preparation);
  const form = quality === undefined ? 'raw pixels' : `JPEG of quality ${quality}`;
  block.log(
    `${part}: ${whole(source.count)} pictures of ${whole(source.classes.length)} classes become ${form} ` +
      `with a short side of at most ${side} pixels, about ${bytesWords(bytes)} (${from} were tried)`,
  );
  return { part, pictures: source.count, classes: source.classes.length, bytes };
}

async function writePart(preparation: Preparation, block: LiveBlock) {
  const { source, part, root } = preparation;
  using interrupt = onInterrupt(
    () => block.log('Stopping; repeat to stop immediately.'),
    `${root} keeps whole shards: run the same command to go on`,
  );
  const progress = new PartProgress(part, source.count, block);
  const written = await preparePart(preparation, {
    signal: interrupt.signal,
    onPictures: (done, isEarlier) => progress.show(done, isEarlier),
    onUnreadable: (sentence) => block.log(`${sentence}; omitted`),
  }).catch((error) => {
    if (error === interrupt.signal.reason)
      throw new Interruption(`stopped; ${root} keeps whole shards, run the same command to go on`);
    throw error;
  });
  return { part, classes: source.classes.length, ...written };
}

/** Says how far a part is: in place on a terminal, else at every tenth. */
class PartProgress {
  readonly #part: string;
  readonly #total: number;
  readonly #block: LiveBlock;
  #start: { time: number; done: number } | undefined;
  #logged = 0;

  constructor(part: string, total: number, block: LiveBlock) {
    this.#part = part;
    this.#total = total;
    this.#block = block;
  }

  show(done: number, isEarlier: boolean): void {
    const now = performance.now() / 1000;
    if (isEarlier || !this.#start) this.#start = { time: now, done };
    const rate = (done - this.#start.done) / (now - this.#start.time);
    const left = rate > 0 ? `, ${whole(rate)} a second, ${duration((this.#total - done) / rate)} left` : '';
    const line = `  ${this.#part}: ${whole(done)} of ${whole(this.#total)} pictures${left}`;
    this.#block.draw([line]);
    const tenth = Math.floor((10 * done) / this.#total);
    if (this.#block.live || tenth <= this.#logged) return;
    this.#logged = tenth;
    this.#block.log(line);
  }
}

function writtenWords({ part, pictures, classes, bytes, unreadable }: Awaited<ReturnType<typeof writePart>>): string {
  const omitted = unreadable === 0 ? '' : `; ${whole(unreadable)} could not be read and are omitted`;
  return `${part}, ${whole(pictures)} pictures of ${whole(classes)} classes in ${bytesWords(bytes)}${omitted}`;
}

async function verify(root: string, { json }: Flags): Promise<void> {
  if (!isPrepared(root)) throw new InputError(`${root}: expected a folder that nasnet prepare wrote`);
  const block = new LiveBlock(process.stderr);
  const parts = [];
  for (const part of sourceParts.filter((each) => isPrepared(root, each))) {
    const { count, classes } = openPrepared(root, part);
    let done = 0;
    verifyPrepared(root, part, (pictures) => {
      done += pictures;
      block.draw([`  ${part}: ${whole(done)} of ${whole(count)} pictures compared`]);
    });
    parts.push({ part, pictures: count, classes: classes.length });
  }
  block.draw([]);
  if (json) printDocument({ folder: root, whole: true, parts });
  else for (const { part, pictures } of parts) printWords(`${root}: ${part}, ${whole(pictures)} pictures are whole\n`);
}
