// Measures crops of 224 pixels a second of one core: StreamBatches from class folders, a tar, prepared JPEG and raw
// shards, next to PIL with torchvision, in turns on the same core. Pictures of the folder as they are, and mosaics of
// four of them (448 × 380 pixels, JPEG of quality 90), which are about as large as ImageNet's.
// Run: node bench/loader.ts FOLDER   (FOLDER: a folder with pictures for each class; python3 with torchvision)

import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import sharp from 'sharp';
import { type PictureDecoder, pictureDecoder } from '../src/data/picture-decoder.ts';
import { openSource } from '../src/streams/open-source.ts';
import { preparePart } from '../src/streams/prepare-part.ts';
import { inceptionCrop } from '../src/streams/random-crop.ts';
import { StreamBatches } from '../src/streams/stream-batches.ts';
import { median } from './median.ts';

const python = process.env.NASNET_PYTHON ?? 'python3';
const [size, batchSize, rounds, core] = [224, 48, 3, 0];
const seconds = 1; // of processor time in each run, after the code is compiled and files are in memory
const side = 256;

/** Prints pictures a second of processor time, all threads together. */
async function measureHere(path: string, colour: boolean, decoder: PictureDecoder, cache: string): Promise<void> {
  using source = await openSource(path, { cache });
  const view = { kind: 'training', crop: inceptionCrop, flip: true, colour } as const;
  await using batches = new StreamBatches(source, { size, batchSize, view, decoder, seed: 1, threads: 1 });
  const epoch = async (number: number) => {
    for (let step = 0; step < batches.count; step++) await batches.batch(number, step);
  };
  for (let number = 0; number < 3; number++) await epoch(number);
  const begun = process.cpuUsage();
  let [number, used] = [0, 0];
  for (; used < seconds; number++) {
    await epoch(3 + number);
    const { user, system } = process.cpuUsage(begun);
    used = (user + system) / 1e6;
  }
  console.log((number * batches.count * batchSize) / used);
}

/** Returns the number that a command prints, run on one core. */
function onOneCore(command: readonly string[]): number {
  const { status, stdout, stderr } = spawnSync('taskset', ['-c', `${core}`, ...command], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return Number(stdout.trim().split('\n').at(-1));
}

const here = (path: string, colour: boolean, decoder: PictureDecoder, cache: string) => () =>
  onOneCore([process.execPath, import.meta.filename, '--here', path, `${colour}`, decoder, cache]);
const peer = (path: string, colour: boolean) => () =>
  onOneCore([python, join(import.meta.dirname, 'peers/pil_crops.py'), path, `${seconds}`, colour ? 'colour' : 'plain']);

/** Packs class folders as a tar of tars; returns its path. */
function tarOf(folder: string, target: string): string {
  const tar = (...words: string[]) => {
    const { status, stderr } = spawnSync('tar', words, { encoding: 'utf8' });
    if (status !== 0) throw new Error(stderr);
  };
  const tars = `${target}-classes`;
  mkdirSync(tars);
  for (const name of readdirSync(folder)) tar('-cf', join(tars, `${name}.tar`), '-C', join(folder, name), '.');
  tar('-cf', target, '-C', tars, ...readdirSync(tars));
  return target;
}

/** Writes mosaics of four pictures in the same classes. */
async function writeMosaics(folder: string, target: string): Promise<void> {
  const files = readdirSync(folder).flatMap((name) => readdirSync(join(folder, name)).map((file) => join(name, file)));
  for (const [place, file] of files.entries()) {
    mkdirSync(join(target, file, '..'), { recursive: true });
    const tiles = await Promise.all(
      [0, 61, 122, 183].map((offset) =>
        sharp(join(folder, files[(place + offset) % files.length]!))
          .resize(224, 190, { fit: 'cover' })
          .toBuffer(),
      ),
    );
    await sharp({ create: { width: 448, height: 380, channels: 3, background: 'grey' } })
      .composite(tiles.map((input, tile) => ({ input, left: 224 * (tile % 2), top: 190 * (tile >> 1) })))
      .jpeg({ quality: 90 })
      .toFile(join(target, file));
  }
}

async function compare(title: string, folder: string, temporary: string): Promise<void> {
  const cache = join(temporary, 'cache');
  const tar = tarOf(folder, join(temporary, `${title.split(' ')[0]}.tar`));
  using source = await openSource(folder, { cache });
  const prepare = async (name: string, quality: number | undefined) => {
    const root = join(temporary, `${title.split(' ')[0]}-${name}`);
    const silent = { onPictures: () => {}, onUnreadable: () => {} };
    await preparePart({ source, part: 'train', root, side, quality, seed: 1 }, silent);
    return root;
  };
  const [kept, raw] = [await prepare('jpeg', 90), await prepare('raw', undefined)];
  const bytes = source.index.lengths.reduce((sum, each) => sum + each, 0) / source.count;
  console.log(`\n${title}: ${source.count} pictures of ${(bytes / 1e3).toFixed(0)} kB`);
  console.log(
    '| from | plain, a second | times PIL | with colours, a second | times PIL |\n| --- | --- | --- | --- | --- |',
  );
  const decoder = pictureDecoder();
  const both = (run: (colour: boolean) => () => number) => [run(false), run(true)] as const;
  const rows = {
    'PIL and torchvision, folders': both((colour) => peer(folder, colour)),
    'class folders, sharp': both((colour) => here(folder, colour, 'sharp', cache)),
    [`class folders, ${decoder}`]: both((colour) => here(folder, colour, decoder, cache)),
    [`tar of tars, ${decoder}`]: both((colour) => here(tar, colour, decoder, cache)),
    [`prepared JPEG of ${side}, ${decoder}`]: both((colour) => here(kept, colour, decoder, cache)),
    [`raw shards of ${side}`]: both((colour) => here(raw, colour, decoder, cache)),
  };
  const measured = new Map(Object.keys(rows).map((name) => [name, [[], []] as [number[], number[]]]));
  for (let round = 0; round < rounds; round++)
    for (const [name, runs] of Object.entries(rows))
      for (const [place, run] of runs.entries()) measured.get(name)![place]!.push(run());
  const [first] = measured.values();
  const base = first!.map(median);
  for (const [name, results] of measured) {
    const [plain, coloured] = results.map(median) as [number, number];
    const times = [plain / base[0]!, coloured / base[1]!].map((each) => each.toFixed(1));
    console.log(`| ${name} | ${plain.toFixed(0)} | ${times[0]} | ${coloured.toFixed(0)} | ${times[1]} |`);
  }
}

if (process.argv[2] === '--here') {
  const [path, colour, decoder, cache] = process.argv.slice(3) as [string, string, PictureDecoder, string];
  await measureHere(path, colour === 'true', decoder, cache);
} else {
  const folder = process.argv[2];
  if (!folder || !statSync(folder, { throwIfNoEntry: false })?.isDirectory())
    throw new Error('expected a folder with a folder of pictures for each class');
  const temporary = mkdtempSync(join(process.env.NASNET_BENCH_FOLDER ?? tmpdir(), 'nasnet-bench-'));
  try {
    console.log(
      `Node ${process.version}, core ${core} of ${cpus().length} × ${cpus()[0]?.model.trim()}, ${basename(python)}`,
    );
    console.log(`Medians of ${rounds} runs in turns, pictures of ${size} × ${size} a second of processor time`);
    const mosaics = join(temporary, 'mosaics');
    await writeMosaics(folder, mosaics);
    await compare('as they are', folder, temporary);
    await compare('mosaics of 448 × 380 pixels', mosaics, temporary);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}
