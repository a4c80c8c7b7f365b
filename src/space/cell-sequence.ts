// The order of a network's cells, and what each of them reads. How a cell is laid out is plan-cell.ts's affair.

import { type Architecture, liveStates } from './architecture.ts';

export interface Slot {
  /** As an endpoint: `Cell_0`, `Reduction_Cell_0`. */
  readonly name: string;
  readonly kind: 'normal' | 'reduction';
  readonly filters: number;
  /** What it reads as h_i and h_{i-1}: names of the stem and of slots before. The first slot has no h_{i-1}. */
  readonly current: string;
  readonly previous: string | undefined;
}

export interface SequenceOptions {
  /** The name of what the first cell reads. */
  stem: string;
  /** N */
  cells: number;
  /** F */
  filters: number;
}

/** N normal, reduction, N normal, reduction, N normal; filters double at each reduction. */
export function cellSequence({ stem, cells, filters }: SequenceOptions): Slot[] {
  const slots: Slot[] = [];
  const results = [stem];
  const add = (name: string, kind: Slot['kind'], f: number) => {
    slots.push({ name, kind, filters: f, current: results.at(-1)!, previous: results.at(-2) });
    results.push(name);
  };
  for (const stage of [0, 1, 2]) {
    const f = filters * 2 ** stage;
    if (stage > 0) add(`Reduction_Cell_${stage - 1}`, 'reduction', f);
    for (let index = 0; index < cells; index++) add(`Cell_${stage * cells + index}`, 'normal', f);
  }
  return slots;
}

/** Where the auxiliary head reads: the cell right before the second reduction cell. */
export const auxiliarySource = (slots: readonly Slot[]): string =>
  slots.findLast(({ kind }) => kind === 'reduction')!.current;

/** The names of all slots, and of the stem, whose results reach one of `ends`. */
export function neededSlots(architecture: Architecture, slots: readonly Slot[], ends: readonly string[]): Set<string> {
  const needed = new Set(ends);
  for (const { name, kind, current, previous } of slots.toReversed()) {
    if (!needed.has(name)) continue;
    const live = liveStates(architecture[kind]);
    if (live.has(0)) needed.add(current);
    if (live.has(1)) needed.add(previous ?? current);
  }
  return needed;
}
