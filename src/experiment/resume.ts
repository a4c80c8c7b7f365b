// Restores a new strategy from the log: the latest snapshot, then every later ask and tell in order.

import { Failure } from '../failure.ts';
import type { Strategy } from '../search/strategy.ts';
import type { StrategyEvent } from '../study/log.ts';
import type { Study } from '../study/study.ts';

/**
 * Returns the number of events replayed after the snapshot, and the sequence number of the last one (0 in a new study).
 * @throws Failure if the strategy's decisions differ from the log: the study is of another strategy or version
 */
export function restore(study: Study<object>, strategy: Strategy): { replayed: number; sequence: number } {
  const start = loadSnapshot(study, strategy);
  const events = study.log.strategyEvents(start);
  for (const event of events) replay(event, study, strategy);
  return { replayed: events.length, sequence: events.at(-1)?.sequence ?? start };
}

/** Returns the sequence number of the loaded snapshot; 0 if there is none. */
function loadSnapshot(study: Study<object>, strategy: Strategy): number {
  const { snapshots } = study.log;
  const foreign = snapshots.find((snapshot) => snapshot.strategy !== strategy.name);
  if (foreign) {
    throw new Failure(
      `${study.path} was searched by the strategy "${foreign.strategy}" and cannot continue with "${strategy.name}"`,
    );
  }
  let problem: unknown;
  for (const { sequence, bytes } of snapshots) {
    try {
      strategy.load(bytes);
      return sequence;
    } catch (error) {
      problem = error;
    }
  }
  if (problem === undefined) return 0;
  const reason = problem instanceof Error ? problem.message : String(problem);
  throw new Failure(`${study.path}: the strategy "${strategy.name}" cannot be restored (${reason})`);
}

function replay(event: StrategyEvent, study: Study<object>, strategy: Strategy): void {
  const { kind, number, decisions, outcome, byHand } = event;
  if (byHand) {
    if (kind === 'tell' && 'reward' in outcome) strategy.learn?.(decisions, outcome.reward, number);
    return;
  }
  if (kind === 'tell') {
    strategy.tell(number, outcome);
    return;
  }
  const now = strategy.ask(number);
  const first = decisions.findIndex((decision, index) => decision !== now[index]);
  if (first === -1 && now.length === decisions.length) return;
  throw new Failure(
    `${study.path} was made by another version of nasnet or with other options: trial ${number}, decision ${Math.max(first, 0)} was ` +
      `${decisions[first] ?? `one of ${decisions.length}`} and would now be ${now[first] ?? `one of ${now.length}`}; continue with the version that started it`,
  );
}
