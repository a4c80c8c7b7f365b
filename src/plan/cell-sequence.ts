// The order of a network's cells and the inputs of each. plan-cell.ts lays out one cell.

import { type Architecture, cellResults, inputCount, liveStates, stateName } from '../space/architecture.ts';
import type { LayoutRules } from './layouts.ts';

export interface Slot {
  /** The name of its endpoint: `Cell_0`, `Reduction_Cell_0`, `Cell_Stem_0`. */
  readonly name: string;
  readonly kind: 'normal' | 'reduction';
  readonly filters: number;
  /**
   * The names of the results that are its input states: h_i and h_{i-1}, the latter undefined in the first slot. If
   * cells pass on their states (NASNet-B), as many of those, with the stem in place of cells that do not exist.
   */
  readonly sources: readonly (string | undefined)[];
}

export interface SequenceOptions {
  layout: Pick<LayoutRules, 'stemName' | 'stemCells'>;
  /** N */
  cells: number;
  /** F */
  filters: number;
  /** Whether the inputs except h_i of the first normal cell after a reduction come from one cell further back. */
  skipReductionInput: boolean;
}

/**
 * Returns the cells in order: the stem cells, then N normal, reduction, N normal, reduction, N normal. Filters double
 * at each reduction.
 */
export function cellSequence(architecture: Architecture, options: SequenceOptions): Slot[] {
  const { layout, cells, filters, skipReductionInput } = options;
  const slots: Slot[] = [];
  const names = [layout.stemName];
  const add = (name: string, kind: Slot['kind'], f: number, skip = false) => {
    const inputs = Array.from({ length: inputCount(architecture[kind]) }, (_, input) => input);
    const sources = inputs.map((input) => sourceOf(architecture, names, input, input > 0 && skip ? 1 : 0));
    slots.push({ name, kind, filters: f, sources });
    names.push(name);
  };
  for (let index = 0; index < layout.stemCells; index++) {
    add(`Cell_Stem_${index}`, 'reduction', scaled(filters, 2 ** (index - layout.stemCells)));
  }
  for (const stage of [0, 1, 2]) {
    const f = filters * 2 ** stage;
    if (stage > 0) add(`Reduction_Cell_${stage - 1}`, 'reduction', f);
    for (let index = 0; index < cells; index++) {
      const afterReduction = stage > 0 && index === 0;
      add(`Cell_${stage * cells + index}`, 'normal', f, afterReduction && skipReductionInput);
    }
  }
  return slots;
}

/** Returns the name of input state `input` of the cell after those in `names`, of which the stem is the first. */
function sourceOf({ normal }: Architecture, names: readonly string[], input: number, further: number) {
  const place = names.length - 1 - input - further;
  if (normal.output !== 'states') return names[place];
  return place > 0 ? stateName(names[place]!, input) : names[0];
}

/**
 * Scales and rounds down as the released code does; that code refuses odd and zero results, this returns at least 1.
 */
const scaled = (filters: number, factor: number) => Math.max(1, Math.floor(filters * factor));

/** Returns the cell that the auxiliary head reads: the one right before the second reduction cell. */
export function auxiliarySource(slots: readonly Slot[]): string {
  return slots[slots.findLastIndex(({ kind }) => kind === 'reduction') - 1]!.name;
}

/** Returns the names of all results, the stem's included, that one of `ends` depends on. */
export function neededResults(
  architecture: Architecture,
  slots: readonly Slot[],
  ends: readonly string[],
): Set<string> {
  const needed = new Set(ends);
  for (const { name, kind, sources } of slots.toReversed()) {
    const cell = architecture[kind];
    const used = cellResults(cell, name).filter((result) => needed.has(result.name));
    if (used.length === 0) continue;
    const live = liveStates(
      cell,
      used.flatMap(({ states }) => states),
    );
    sources.forEach((source, input) => {
      if (live.has(input)) needed.add(source ?? sources[0]!);
    });
  }
  return needed;
}
