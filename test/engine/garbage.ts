// Garbage collected on demand: tensors outside scopes die when the collector finds them, which a count of live ones must not meet
// halfway.

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Lets the collector find what it can, and its callbacks run. */
export async function collect(): Promise<void> {
  for (let round = 0; round < 4; round++) {
    collectGarbage();
    await new Promise(setImmediate);
  }
}
