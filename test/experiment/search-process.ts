// Run by kill.test.ts as a process of its own, to be killed: searches a study until it is finished, and prints its
// events.

import { randomUUID } from 'node:crypto';
import { appendFileSync, existsSync } from 'node:fs';
import { z } from 'zod';
import { FolderArtifacts } from '../../src/artifacts.ts';
import { pausedChild, studyFolders } from '../../src/children/study-artifacts.ts';
import { evaluateIn } from '../../src/experiment/evaluator.ts';
import { runSearch, type SearchEvent } from '../../src/experiment/search-loop.ts';
import { armNames, armOf } from '../../src/search/arms-strategy.ts';
import { createStrategy, type Strategy } from '../../src/search/strategy.ts';
import type { TrialToEvaluate } from '../../src/study/outcome.ts';
import { Study } from '../../src/study/study.ts';
import { WorkerPool } from '../../src/workers/pool.ts';
import { newSearch } from '../cluster/cluster.ts';
import { ChainStrategy, durationOf, rewardOf } from './chain-strategy.ts';
import { decisionsOf } from './decisions-of.ts';
import { finishingOrder, InTurn } from './finishing-order.ts';
import { VirtualWorkers } from './virtual-workers.ts';
import { type LadderJob, rewardOfLadder } from './waiting-children.ts';

export interface SearchToKill {
  path: string;
  /** Where each completed evaluation is noted, one trial a line. */
  notes: string;
  strategy: string;
  /**
   * In order, with worker processes whose timing is their own; or as they come, in an order that is known beforehand.
   */
  inOrder: boolean;
  trials: number;
  workers: number;
  /** The port of a redis-server whose workers evaluate in place of worker processes of this one. */
  port?: number;
  /** Rungs and η of a ladder, and whether some are promoted at random. */
  ladder?: { rungs: number; reduction: number; lots: boolean };
}

const {
  path,
  notes,
  strategy: name,
  inOrder,
  trials,
  workers,
  port,
  ladder,
}: SearchToKill = JSON.parse(process.argv[2]!);
/** Frequent and large updates, so that a lost or repeated one would be visible. */
const options: Record<string, object> = {
  ppo: { batchSize: 10, learningRate: 0.01 },
  evolution: { populationSize: 20, sampleSize: 5 },
  surrogate: { candidates: 40 },
};
const strategy: Strategy =
  name === 'chain'
    ? new ChainStrategy(3)
    : createStrategy(name, { blocks: 2, seed: 3, options: name.includes(',') ? options : options[name] });
const study = existsSync(path) ? Study.open(path) : Study.create(path, {});
const say = (event: SearchEvent) => {
  const words = [event.kind, 'trial' in event ? event.trial : '', 'rung' in event ? event.rung : ''];
  process.stdout.write(`${words.join(' ')}\n`);
};
const arms = armNames(name).length;
const artifacts = new FolderArtifacts(studyFolders(path));
const pathOf = (trial: number, rung: number) => artifacts.path(pausedChild(trial, rung));
const rule = ladder && {
  ...ladder,
  ...(ladder.lots && { atRandom: (member: number, rung: number) => durationOf(member + rung) === 9 }),
  ladders: arms,
  ladderOf: (trial: number) => armOf(trial, arms),
};
const common = { study, strategy, trials, workers, inOrder, ladder: rule, artifacts };

function jobOf(trial: TrialToEvaluate): LadderJob {
  const { number, candidate, rung = 0 } = trial;
  const { decisions } = candidate;
  const from = rung > 0 ? pathOf(number, rung - 1) : undefined;
  const to = ladder && rung + 1 < ladder.rungs ? pathOf(number, rung) : undefined;
  return { number, decisions, rung, ...(ladder && { from, to }) };
}

if (inOrder && port !== undefined) {
  const id = study.recordOnce('queue', randomUUID(), z.string());
  const address = { host: '127.0.0.1', port, tls: false, database: 0 };
  await using search = await newSearch(address, { id, setup: notes, leave: true });
  const keyed = ({ number, rung = 0 }: TrialToEvaluate) => ({ key: `t${number}-r${rung}` });
  await runSearch({ ...common, evaluate: evaluateIn(search.runner, jobOf, keyed), onEvent: say });
} else if (inOrder) {
  const evaluator = new URL('./kill-evaluator.ts', import.meta.url);
  await using pool = new WorkerPool({ workers, evaluator, setup: notes });
  await runSearch({ ...common, evaluate: evaluateIn(pool, jobOf), onEvent: say });
} else if (ladder) {
  const virtual = new VirtualWorkers();
  for (const event of decisionsOf(path)) {
    if (event.kind === 'ask' || (event.kind === 'promote' && event.wanted)) virtual.asked(event);
    else if (event.kind.endsWith('tell')) virtual.reported(event);
  }
  const evaluate = virtual.evaluate((trial) => {
    const reward = rewardOfLadder(jobOf(trial), (line) => appendFileSync(notes, `${line}\n`));
    return { reward, seconds: 0 };
  });
  const onEvent = (event: SearchEvent) => {
    if (event.kind === 'asked') virtual.asked({ number: event.trial, rung: 0 });
    if (event.kind === 'promoted') virtual.asked({ number: event.trial, rung: event.rung });
    if (event.kind === 'reported') virtual.reported({ number: event.trial, rung: event.rung });
    say(event);
  };
  await runSearch({ ...common, evaluate, onEvent });
} else {
  const reported = study.log.strategyEvents(0).filter(({ kind }) => kind === 'tell').length;
  const turns = new InTurn(finishingOrder(trials, workers), reported);
  const evaluate = turns.evaluate((trial, decisions) => {
    appendFileSync(notes, `${trial}\n`);
    return { reward: rewardOf(decisions), seconds: 0 };
  });
  const onEvent = (event: SearchEvent) => {
    say(event);
    if (event.kind === 'reported') turns.next();
  };
  await runSearch({ ...common, evaluate, onEvent });
}
study.close();
