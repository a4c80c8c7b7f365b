// The order of a network's cells, and what each of them reads. How a cell is laid out is plan-cell.ts's affair.

import { type Architecture, liveStates } from './architecture.ts';
import type { LayoutRules } from './layouts.ts';

export interface Slot {
  /** As an endpoint: `Cell_0`, `Reduction_Cell_0`, `Cell_Stem_0`. */
  readonly name: string;
  readonly kind: 'normal' | 'reduction';
  readonly filters: number;
  /** What it reads as h_i and h_{i-1}: names of the stem and of slots before. The first slot has no h_{i-1}. */
  readonly current: string;
  readonly previous: string | undefined;
}

export interface SequenceOptions {
  layout: Pick<LayoutRules, 'stemName' | 'stemCells'>;
  /** N */
  cells: number;
  /** F */
  filters: number;
  /** The first normal cell after a reduction takes the state before the reduction's input as h_{i-1}, not that input. */
  skipReductionInput: boolean;
}

/** The stem cells, then N normal, reduction, N normal, reduction, N normal; filters double at each reduction. */
export function cellSequence({ layout, cells, filters, skipReductionInput }: SequenceOptions): Slot[] {
  const slots: Slot[] = [];
  const results = [layout.stemName];
  const add = (name: string, kind: Slot['kind'], f: number, back: 2 | 3 = 2) => {
    slots.push({ name, kind, filters: f, current: results.at(-1)!, previous: results.at(-back) });
    results.push(name);
  };
  for (let index = 0; index < layout.stemCells; index++) {
    add(`Cell_Stem_${index}`, 'reduction', scaled(filters, 2 ** (index - layout.stemCells)));
  }
  for (const stage of [0, 1, 2]) {
    const f = filters * 2 ** stage;
    if (stage > 0) add(`Reduction_Cell_${stage - 1}`, 'reduction', f);
    for (let index = 0; index < cells; index++) {
      const afterReduction = stage > 0 && index === 0;
      add(`Cell_${stage * cells + index}`, 'normal', f, afterReduction && skipReductionInput ? 3 : 2);
    }
  }
  return slots;
}

/** Rounded down as released; the released code refuses what this leaves odd or at zero, here it is laid with at least 1. */
const scaled = (filters: number, factor: number) => Math.max(1, Math.floor(filters * factor));

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
