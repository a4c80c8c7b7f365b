// A process that prepares the training pictures of a source and says each picture, to be killed by a test.

import { writeSync } from 'node:fs';
import { openSource } from '../../src/streams/open-source.ts';
import { clearFolder, type Preparation, preparePart } from '../../src/streams/prepare-part.ts';

const [source, root, cache] = process.argv.slice(2) as [string, string, string];
const preparation: Preparation = {
  source: await openSource(source, { cache }),
  part: 'train',
  root,
  side: 24,
  quality: 90,
  seed: 1,
  perShard: 4,
};
clearFolder(preparation, false);
await preparePart(preparation, {
  onPictures: (done, isEarlier) => writeSync(1, `${isEarlier ? 'kept' : 'done'} ${done}\n`),
  onUnreadable: () => {},
});
