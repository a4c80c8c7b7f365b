// Collects garbage on demand, because the collector frees tensors outside scopes at any time, which would disturb
// counts of live ones.

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Runs the collector and its callbacks. */
export async function collect(): Promise<void> {
  for (let round = 0; round < 4; round++) {
    collectGarbage();
    await new Promise(setImmediate);
  }
}
