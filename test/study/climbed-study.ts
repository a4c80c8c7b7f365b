// A study with a ladder of three rungs, written by hand; nothing is trained.

import { RandomStream } from '../../src/random/stream.ts';
import { sampleDecisions } from '../../src/space/sample.ts';
import { settingsOf } from '../../src/study/presets.ts';
import { parseRungs } from '../../src/study/rung-text.ts';
import type { SearchSettings } from '../../src/study/settings.ts';
import { Study } from '../../src/study/study.ts';

/**
 * Rewards of twelve trials at rung 0, of the six best at rung 1 (in the order 2 1 3 4 5 6), and of two of them at rung
 * 2.
 */
const lowest = [0.3, 0.29, 0.28, 0.27, 0.26, 0.25, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1];
const middle = [0.45, 0.5, 0.44, 0.43, 0.42, 0.41];
const highest = [0.7, 0.6];

/** Trial 0's weights were lost before rung 1; at rung 2 trial 2 has failed and trial 3 is queued. */
export function climbedStudy(
  path: string,
  more: { randomShare?: number; finalists?: number } = {},
): Study<SearchSettings> {
  const rungs = parseRungs('1,3,3:filters=16');
  const given = { dataset: 'cifar10', seed: 1, strategy: 'random', trials: 12, rungs, reduction: 2, ...more };
  const study = Study.create<SearchSettings>(path, settingsOf('laptop', given));
  const { log, rungs: records } = study;
  study.transaction(() => {
    for (const [trial, reward] of lowest.entries()) {
      log.ask(trial, sampleDecisions(new RandomStream(trial)));
      log.start(trial);
      log.finish(trial, { reward, seconds: 10 });
      log.tell(trial);
    }
    const climb = (trial: number, rung: number, reward: number, details: object) => {
      records.promote({ ladder: 0, member: trial, rung, atRandom: false }, lowest.length);
      records.at(rung).start(trial);
      records.at(rung).finish(trial, { reward, seconds: 10 * rung, details });
    };
    for (const [trial, reward] of middle.entries()) climb(trial, 1, reward, { continued: trial > 0 });
    for (const [trial, reward] of highest.entries()) climb(trial, 2, reward, {});
    records.promote({ ladder: 0, member: 2, rung: 2, atRandom: false }, lowest.length);
    records.at(2).start(2);
    records.at(2).fail(2, { kind: 'not-a-number', message: 'step 3' }, 5);
    records.promote({ ladder: 0, member: 3, rung: 2, atRandom: false }, lowest.length);
  });
  return study;
}
