// Collects garbage on demand, because the collector frees tensors outside scopes at any time, which would disturb
// counts of live ones.

import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { liveTensors } from '../../src/engine/memory.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Runs the collector and its callbacks until nothing is freed any more: leftovers of a test may live some turns. */
export async function collect(): Promise<void> {
  for (let live = liveTensors(), still = 0; still < 4; ) {
    collectGarbage();
    await sleep(1);
    const now = liveTensors();
    still = now === live ? still + 1 : 0;
    live = now;
  }
}
