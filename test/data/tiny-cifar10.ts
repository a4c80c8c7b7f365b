// A few random images in the place of CIFAR-10 in a cache, for tests of commands that ask for it.

import { cached } from '../../src/data/cache.ts';
import { classes, imageSize } from '../../src/data/cifar10-files.ts';
import { RandomStream } from '../../src/random/stream.ts';

/** In a cache that has no CIFAR-10 yet. */
export async function tinyCifar10(cache: string, counts = { train: 400, test: 50 }): Promise<void> {
  const random = new RandomStream('tiny CIFAR-10');
  await cached(
    cache,
    'cifar10',
    () => {},
    async (writer) => {
      for (const part of ['train', 'test'] as const)
        for (let index = 0; index < counts[part]; index++) {
          const pixels = Uint8Array.from({ length: 3 * imageSize ** 2 }, () => random.integer(256));
          await writer.add(part, pixels, [index % classes.length]);
        }
      const description = { name: 'cifar10', source: 'a test', classes, height: imageSize, width: imageSize };
      return { description: { ...description, holdOut: 'uniform' }, skipped: [] };
    },
  );
}
