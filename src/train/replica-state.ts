// The state that replicas of a training share: all begin with that of the first one.

import { zeros } from '../engine/create.ts';
import { noGrad, scope } from '../engine/memory.ts';
import { cat } from '../engine/operators.ts';
import type { DType, Tensor } from '../engine/tensor.ts';
import type { Module } from '../nn/module.ts';
import { numbersOfFirst, type Replicas } from '../replicas/replicas.ts';
import type { InTraining, MeterState, SavedTraining } from './checkpoint.ts';

/** A checkpoint as a training resumes from it. */
export type Resumed = Pick<SavedTraining, 'step' | 'meter'>;

/**
 * Gives all replicas the weights, statistics, optimizer state and averages of the first one.
 * @param resumed the first replica's checkpoint
 * @returns it, at all of them
 */
export function shareState(
  replicas: Replicas,
  { network, optimizer, average }: InTraining<Module>,
  resumed: Resumed | undefined,
): Resumed | undefined {
  const tensors = [network.stateDict(), optimizer.state(), average?.state() ?? {}].flatMap((all) => Object.values(all));
  together(tensors, (flat) => replicas.broadcast(flat));
  const meter = resumed?.meter;
  const meterNumbers = meter && meterFields.map((name) => meter[name] ?? -1);
  const [step, steps, ...rest] = numbersOfFirst(replicas, [
    resumed?.step ?? -1,
    optimizer.stepsTaken,
    ...(meterNumbers ?? meterFields.map(() => -1)),
  ]) as [number, number, ...number[]];
  optimizer.load(optimizer.state(), steps);
  if (step < 0) return undefined;
  const entries = meterFields.map((name, index) => [name, rest[index]! < 0 ? undefined : rest[index]!]);
  return { step, ...(rest[0]! >= 0 && { meter: Object.fromEntries(entries) as MeterState }) };
}

const meterFields = ['steps', 'images', 'milliseconds', 'waiting', 'correct', 'finite', 'loss'] as const;

/** Changes tensors in one flat one of each dtype, which has them one after another. */
function together(tensors: readonly Tensor[], change: (flat: Tensor) => void): void {
  for (const [, all] of Map.groupBy(tensors, ({ dtype }): DType => dtype))
    scope(() =>
      noGrad(() => {
        const flat = cat([zeros([0], all[0]!), ...all.map((each) => each.detach().flatten())]);
        change(flat);
        let place = 0;
        for (const each of all) {
          each.copy_(flat.narrow(0, place, each.size).reshape(each.shape));
          place += each.size;
        }
      }),
    );
}
