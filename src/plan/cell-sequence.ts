// The order of a network's cells, and what each of them reads. How a cell is laid out is plan-cell.ts's affair.

import { type Architecture, cellResults, inputCount, liveStates, stateName } from '../space/architecture.ts';
import type { LayoutRules } from './layouts.ts';

export interface Slot {
  /** As an endpoint: `Cell_0`, `Reduction_Cell_0`, `Cell_Stem_0`. */
  readonly name: string;
  readonly kind: 'normal' | 'reduction';
  readonly filters: number;
  /**
   * What it is given as its input states: names of the stem's and earlier slots' results. h_i and h_{i-1}, the latter undefined
   * in the first slot; or of cells that hand on their states (NASNet-B) as many of those, the stem standing in for what is not
   * there yet.
   */
  readonly sources: readonly (string | undefined)[];
}

export interface SequenceOptions {
  layout: Pick<LayoutRules, 'stemName' | 'stemCells'>;
  /** N */
  cells: number;
  /** F */
  filters: number;
  /** In the first normal cell after a reduction, whether the inputs but h_i come from one cell further back. */
  skipReductionInput: boolean;
}

/** The stem cells, then N normal, reduction, N normal, reduction, N normal; filters double at each reduction. */
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

/** What input state `input` is of the cell that comes after those of these names, the stem's first. */
function sourceOf({ normal }: Architecture, names: readonly string[], input: number, further: number) {
  const place = names.length - 1 - input - further;
  if (normal.output !== 'states') return names[place];
  return place > 0 ? stateName(names[place]!, input) : names[0];
}

/** Rounded down as released; the released code refuses what this leaves odd or at zero, here it is laid with at least 1. */
const scaled = (filters: number, factor: number) => Math.max(1, Math.floor(filters * factor));

/** Where the auxiliary head reads: the cell right before the second reduction cell. */
export function auxiliarySource(slots: readonly Slot[]): string {
  return slots[slots.findLastIndex(({ kind }) => kind === 'reduction') - 1]!.name;
}

/** The names of all results, of slots and of the stem, that reach one of `ends`. */
export function neededResults(
  architecture: Architecture,
  slots: readonly Slot[],
  ends: readonly string[],
): Set<string> {
  const needed = new Set(ends);
  for (const { name, kind, sources } of slots.toReversed()) {
    const cell = architecture[kind];
    const wanted = cellResults(cell, name).filter((result) => needed.has(result.name));
    if (wanted.length === 0) continue;
    const live = liveStates(
      cell,
      wanted.flatMap(({ states }) => states),
    );
    sources.forEach((source, input) => {
      if (live.has(input)) needed.add(source ?? sources[0]!);
    });
  }
  return needed;
}
