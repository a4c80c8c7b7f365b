// How well the children of studies are foretold: each from the plan and those before it, as a search does, with nothing measured first.
//   node bench/prediction.ts STUDY.db...
// "constant" says the median of the latest 200 for all. Studies of CIFAR-10, other counts of images change little.

import { tookOf } from '../src/forecast/learning.ts';
import { Prediction, TrainingTerms } from '../src/forecast/prediction.ts';
import { quantile } from '../src/statistics/order.ts';
import { Candidate } from '../src/study/candidate.ts';
import { openSearch } from '../src/study/parse-settings.ts';

const learning = 20; // children that are not counted
const off = (foretold: number, took: number) => Math.abs(foretold / took - 1);
const words = (errors: readonly number[]) =>
  errors.length === 0
    ? '–'
    : [0.5, 0.9].map((share) => `${(100 * quantile(errors, share)).toFixed(1)}%`).join(', 90% within ');

for (const path of process.argv.slice(2)) {
  using study = openSearch(path, { readOnly: true });
  const { settings } = study;
  const prediction = new Prediction(new TrainingTerms(settings, settings.child, { images: 50_000, classes: 10 }));
  const took: number[] = [];
  const errors = { law: [] as number[], constant: [] as number[], memory: [] as number[] };
  for (const { state, sameAs, decisions, workerSeconds, details } of study.trials()) {
    if (state !== 'done' || sameAs !== null) continue;
    const own = tookOf(workerSeconds!, details);
    if (!own) continue;
    const terms = prediction.terms.of(new Candidate(decisions, settings.space));
    const { seconds, memory } = own;
    if (took.length >= learning) {
      const foretold = prediction.of(terms);
      errors.law.push(off(foretold.seconds, seconds));
      errors.constant.push(off(quantile(took.slice(-200), 0.5), seconds));
      if (memory !== undefined) errors.memory.push(off(foretold.memory, memory));
    }
    prediction.observe(terms, own);
    took.push(seconds);
  }
  const range = [0.05, 0.95].map((share) => quantile(took, share).toFixed(2)).join(' to ');
  console.log(
    `${path}: ${took.length} children of ${range} s; off by (median): seconds ${words(errors.law)}; constant ${words(errors.constant)}; memory ${words(errors.memory)}`,
  );
}
