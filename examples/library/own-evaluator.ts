// A search with a custom evaluator: any function that computes the reward of an architecture. This one prefers networks
// of a million multiply-adds; it trains nothing and needs no engine. Stop it at any time and run it again: it
// continues.

import { evolution, openStudy, planNetwork, printArchitecture } from 'nasnet';

using study = openStudy('multiply-adds.db', {
  strategy: evolution({ populationSize: 20, sampleSize: 5 }),
  seed: 1,
  trials: 150,
});
const before = study.asked;

for (const trial of study.trials()) {
  const { multiplyAdds, trainableParameters } = planNetwork(trial.architecture, { cells: 1, filters: 8 });
  const reward = Math.exp(-Math.abs(Math.log(multiplyAdds / 1e6))); // 1 for exactly a million
  trial.tell({ reward, details: { multiplyAdds, trainableParameters } });
}

const [best] = study.best();
console.log(`${study.asked - before} trials, ${study.asked} in the study`);
console.log(`best reward ${best!.reward.toFixed(3)} by trial ${best!.number}`);
console.log(printArchitecture(best!.architecture));
