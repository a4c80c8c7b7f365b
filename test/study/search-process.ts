// Run by kill.test.ts as a process of its own, to be killed: searches a study until it is finished, and says what happens.

import { appendFileSync, existsSync } from 'node:fs';
import { createStrategy, type Strategy } from '../../src/search/strategy.ts';
import { evaluateIn } from '../../src/study/evaluation.ts';
import { runSearch, type SearchEvent } from '../../src/study/run.ts';
import { Study } from '../../src/study/study.ts';
import { WorkerPool } from '../../src/workers/pool.ts';
import { ChainStrategy, rewardOf } from './chain-strategy.ts';
import { finishingOrder, InTurn } from './finishing-order.ts';

export interface SearchToKill {
  path: string;
  /** Where each completed evaluation is noted, one trial a line. */
  notes: string;
  strategy: string;
  /** In order, with worker processes whose timing is their own; or as they come, in an order that is known beforehand. */
  inOrder: boolean;
  trials: number;
  workers: number;
}

const { path, notes, strategy: name, inOrder, trials, workers }: SearchToKill = JSON.parse(process.argv[2]!);
/** Updates that come often and change much, so that a lost or repeated one would show. */
const options: Record<string, object> = {
  ppo: { batchSize: 10, learningRate: 0.01 },
  evolution: { populationSize: 20, sampleSize: 5 },
};
const strategy: Strategy =
  name === 'chain'
    ? new ChainStrategy(3)
    : createStrategy(name, { blocks: 2, seed: 3, options: name.includes(',') ? options : options[name] });
const study = existsSync(path) ? Study.open(path) : Study.create(path, {});
const say = (event: SearchEvent) => process.stdout.write(`${event.kind} ${'trial' in event ? event.trial : ''}\n`);
const common = { study, strategy, trials, workers, inOrder };

if (inOrder) {
  const evaluator = new URL('./kill-evaluator.ts', import.meta.url);
  await using pool = new WorkerPool({ workers, evaluator, setup: notes });
  await runSearch({ ...common, evaluate: evaluateIn(pool, (trial) => trial), onEvent: say });
} else {
  const told = study.log.strategyEvents(0).filter(({ kind }) => kind === 'tell').length;
  const turns = new InTurn(finishingOrder(trials, workers), told);
  const evaluate = turns.evaluate((trial, decisions) => {
    appendFileSync(notes, `${trial}\n`);
    return { reward: rewardOf(decisions), seconds: 0 };
  });
  const onEvent = (event: SearchEvent) => {
    say(event);
    if (event.kind === 'told') turns.next();
  };
  await runSearch({ ...common, evaluate, onEvent });
}
study.close();
