// Measures the errors of predictions for the children of studies: each child is predicted from its plan and the
// previous children, as in a search without a measurement at the start.
//   node bench/prediction.ts STUDY.db...
// "constant" predicts the median of the latest 200. Assumes CIFAR-10; other numbers of images change little.

import { childTerms, type TermsOf } from '../src/forecast/equal-cost.ts';
import { measuredCost } from '../src/forecast/learning.ts';
import { Prediction } from '../src/forecast/prediction.ts';
import { quantile } from '../src/statistics/order.ts';
import { Candidate } from '../src/study/candidate.ts';
import { openSearch } from '../src/study/parse-settings.ts';

const learning = 20; // first children, which are not counted
const relativeError = (predicted: number, actual: number) => Math.abs(predicted / actual - 1);
const words = (errors: readonly number[]) =>
  errors.length === 0
    ? '–'
    : [0.5, 0.9].map((share) => `${(100 * quantile(errors, share)).toFixed(1)}%`).join(', 90% within ');

for (const path of process.argv.slice(2)) {
  using study = openSearch(path, { readOnly: true });
  const { settings } = study;
  const prediction = new Prediction();
  const [termsOf] = childTerms(settings, { images: 50_000, classes: 10 }) as [TermsOf];
  const durations: number[] = [];
  const errors = { law: [] as number[], constant: [] as number[], memory: [] as number[] };
  for (const { state, sameAs, decisions, workerSeconds, details } of study.trials()) {
    if (state !== 'done' || sameAs !== null) continue;
    const cost = measuredCost(workerSeconds!, details);
    if (!cost) continue;
    const terms = termsOf(new Candidate(decisions, settings.space));
    const { seconds, memory } = cost;
    if (durations.length >= learning) {
      const predicted = prediction.of(terms);
      errors.law.push(relativeError(predicted.seconds, seconds));
      errors.constant.push(relativeError(quantile(durations.slice(-200), 0.5), seconds));
      if (memory !== undefined) errors.memory.push(relativeError(predicted.memory, memory));
    }
    prediction.observe(terms, cost);
    durations.push(seconds);
  }
  const range = [0.05, 0.95].map((share) => quantile(durations, share).toFixed(2)).join(' to ');
  console.log(
    `${path}: ${durations.length} children of ${range} s; median error: seconds ${words(errors.law)}; constant ${words(errors.constant)}; memory ${words(errors.memory)}`,
  );
}
