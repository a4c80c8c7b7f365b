// Steps that compute a graph, and where each result lies. A result is written where its readers want it: with a border
// for windows, as a slice of a concatenation, through the ReLU that all of them read through. What wants it elsewhere
// gets a copy right behind the step. Of a sum, the later operand is added to the earlier one.

import { type Axis, type Graph, type Node, type Source, sourcesOf, type Value } from './inference-graph.ts';

/** Memory of an image. Buffers with the same key can share it, as borders are never written. */
export interface Buffer {
  key: string;
  floats: number;
  fill: number;
}

/** Where the pixels of an image lie in a buffer (native/inference/program.h). */
export interface View {
  buffer: Buffer;
  base: number;
  row: number;
  pixel: number;
  split: number;
  left: number;
}

/** A place of a value, with its ReLU or without. */
export interface Form {
  view: View;
  relu: boolean;
}

export interface Step {
  node: Node;
  /** The value that it reads and its place; the addend is added to the result. */
  from: { value: Value; view: View };
  addend: View | undefined;
  /** Its result, of this value's shape. */
  value: Value;
  to: Form;
  copies: Form[];
}

export interface Schedule {
  input: Buffer;
  result: Buffer;
  steps: Step[];
}

/** A reader's wish for a value; `form` is set once all wishes for it are known. */
interface Wish {
  relu: boolean;
  /** Where it must be. */
  at?: View;
  /** The cells around it. */
  border?: Border;
  /** Whether the columns must lie side by side. */
  inLine?: boolean;
  form?: Form;
}

interface Border {
  top: number;
  bottom: number;
  left: number;
  right: number;
  fill: number;
  /** Even columns, then odd ones: what a stride of 2 reads then lies side by side. */
  split: boolean;
}

/** A step whose reader's wishes may still be open. */
type Draft = Pick<Step, 'node' | 'value' | 'to' | 'copies'> & { input: Value; from: { form?: Form }; addend?: Wish };

export const scheduleOf = (graph: Graph): Schedule => new Scheduler(graph).run();

class Scheduler {
  readonly #graph: Graph;
  readonly #input: Buffer;
  readonly #result: Buffer;
  readonly #wishes = new Map<Value, Wish[]>();
  readonly #readers = new Map<Value, number>();
  /** Operands of sums that are computed with the sum. */
  readonly #absorbed = new Set<Value>();
  readonly #drafts: Draft[] = [];

  constructor(graph: Graph) {
    this.#graph = graph;
    this.#input = { key: 'input', floats: floatsOf(graph.input), fill: 0 };
    this.#result = { key: 'result', floats: floatsOf(graph.result.value), fill: 0 };
    const read = [graph.result, ...graph.values.flatMap(({ node }) => sourcesOf(node))];
    for (const { value } of read) this.#readers.set(value, (this.#readers.get(value) ?? 0) + 1);
  }

  /** From the result back, so that all readers of a value come before it. */
  run(): Schedule {
    const { values, result } = this.#graph;
    this.#wish(result, { at: denseView(result.value, this.#result) });
    for (const value of values.toReversed()) if (!this.#absorbed.has(value)) this.#place(value);
    const steps = this.#drafts.toReversed().map(
      ({ input, from, addend, ...step }): Step => ({
        ...step,
        from: { value: input, view: from.form!.view },
        addend: addend && addend.form!.view,
      }),
    );
    return { input: this.#input, result: this.#result, steps: withSharedBuffers(steps) };
  }

  #wish({ value, relu }: Source, wish: Partial<Wish> = {}): Wish {
    const made: Wish = { ...wish, relu: relu || (wish.relu ?? false) };
    this.#wishes.set(value, [...(this.#wishes.get(value) ?? []), made]);
    return made;
  }

  #place(value: Value): void {
    const { node } = value;
    const wishes = this.#wishes.get(value)!;
    if (node.kind === 'input') {
      this.#placeInput(value, wishes);
      return;
    }
    const forms = formsFor(value, wishes);
    const [to, ...copies] = forms as [Form, ...Form[]];
    if (node.kind === 'concat') this.#placeParts(node.parts, forms);
    else if (node.kind === 'sum') this.#placeSum(value, node.parts, to, copies);
    else this.#drafts.push({ node, value, to, copies, ...this.#read(node) });
  }

  /** The images are read where they are, or copied. */
  #placeInput(value: Value, wishes: readonly Wish[]): void {
    const images: Form = { view: denseView(value, this.#input), relu: false };
    const [to, ...copies] = formsFor(value, wishes, images).filter((form) => form !== images);
    if (to) this.#drafts.push({ node: value.node, value, to, copies, input: value, from: { form: images } });
  }

  #read(node: Reading): Pick<Draft, 'input' | 'from'> {
    return { input: node.input.value, from: this.#wish(node.input, wishOf(node)) };
  }

  #placeParts(parts: readonly Source[], forms: readonly Form[]): void {
    for (const { view, relu } of forms) {
      let offset = 0;
      for (const part of parts) {
        this.#wish(part, { at: { ...view, base: view.base + offset }, relu });
        offset += part.value.channels;
      }
    }
  }

  #placeSum(value: Value, parts: readonly [Source, Source], to: Form, copies: Form[]): void {
    const onlyHere = ({ value: part, relu }: Source) => !relu && this.#readers.get(part) === 1;
    const later = parts.findLast((part) => onlyHere(part) && canAdd(part.value.node));
    const earlier = later === parts[1] ? parts[0] : parts[1];
    if (!later) {
      const addend = this.#wish(parts[1]);
      const from = this.#wish(parts[0]);
      this.#drafts.push({ node: value.node, value, to, copies, input: parts[0].value, from, addend });
      return;
    }
    const node = later.value.node as Reading;
    const { kind } = earlier.value.node;
    const inPlace = onlyHere(earlier) && kind !== 'input' && kind !== 'concat';
    this.#absorbed.add(later.value);
    const addend = this.#wish(earlier, inPlace ? { at: to.view } : {});
    this.#drafts.push({ node, value, to, copies, ...this.#read(node), addend });
  }
}

type Reading = Extract<Node, { input: Source }>;

/** Whether a node's step can add to what it computes. */
const canAdd = ({ kind }: Node) => kind === 'unit' || kind === 'average' || kind === 'maximum';

function wishOf(node: Reading): Partial<Wish> {
  if (node.kind === 'mean') return {};
  const { rows, columns } = node.window;
  const [down, across] = [marginOf(rows), marginOf(columns)];
  const alongRows = node.kind !== 'unit' || node.depthwise !== undefined;
  if (!alongRows && [...down, ...across].every((cells) => cells === 0))
    return { inLine: columns.kernel > 1 || rows.kernel > 1 };
  const [[top, bottom], [left, right]] = [down, across];
  const fill = node.kind === 'maximum' ? -Infinity : 0;
  return { border: { top, bottom, left, right, fill, split: alongRows && columns.stride === 2 } };
}

/** Returns the cells before and after an axis that its windows reach. */
function marginOf({ input, result, kernel, stride, dilation, before }: Axis): [before: number, after: number] {
  const reach = (result - 1) * stride + (kernel - 1) * dilation + 1;
  return [Math.max(0, before), Math.max(0, reach - before - input)];
}

/**
 * Grants the wishes for a value. Wishes for a border share the largest of its kind; those for any place get one that is
 * there anyway.
 * @returns the forms, of which the first is computed and the others are copied from it
 */
function formsFor(value: Value, wishes: readonly Wish[], first?: Form): Form[] {
  const forms: Form[] = first ? [first] : [];
  for (const wish of wishes) {
    if (!wish.at) continue;
    wish.form = { view: wish.at, relu: wish.relu };
    forms.push(wish.form);
  }
  const kinds = Map.groupBy(
    wishes.filter(({ border }) => border),
    ({ relu, border }) => [relu, border!.fill, border!.split].join(),
  );
  for (const alike of kinds.values()) {
    const form = { view: borderedView(value, union(alike.map(({ border }) => border!))), relu: alike[0]!.relu };
    for (const wish of alike) wish.form = form;
    forms.push(form);
  }
  for (const wish of wishes) {
    const fits = ({ view, relu }: Form) => relu === wish.relu && !(wish.inLine && view.split > 0);
    if (!wish.form && !forms.some(fits)) forms.push({ view: denseView(value), relu: wish.relu });
    wish.form ??= forms.find(fits)!;
  }
  return forms.toSorted((one, other) => Number(one.relu) - Number(other.relu));
}

function union(borders: readonly Border[]): Border {
  const largest = (side: 'top' | 'bottom' | 'left' | 'right') => Math.max(...borders.map((border) => border[side]));
  const sides = { top: largest('top'), bottom: largest('bottom'), left: largest('left'), right: largest('right') };
  return { ...borders[0]!, ...sides };
}

const floatsOf = ({ channels, height, width }: Value) => channels * height * width;

function denseView(value: Value, buffer?: Buffer): View {
  const floats = floatsOf(value);
  const own = { key: `dense ${floats}`, floats, fill: 0 };
  return {
    buffer: buffer ?? own,
    base: 0,
    row: value.width * value.channels,
    pixel: value.channels,
    split: 0,
    left: 0,
  };
}

function borderedView({ channels, height, width }: Value, border: Border): View {
  const { top, bottom, left, right, fill, split } = border;
  const columns = left + width + right;
  const half = split ? Math.ceil(columns / 2) * channels : 0;
  const row = split ? 2 * half : columns * channels;
  const key = [height, width, channels, top, bottom, left, right, split, fill].join();
  const buffer = { key, floats: (top + height + bottom) * row, fill };
  return { buffer, base: top * row, row, pixel: channels, split: half, left };
}

/** Lets buffers of one key share memory where they are not needed at the same time. */
function withSharedBuffers(steps: readonly Step[]): Step[] {
  const viewsOf = ({ from, addend, to, copies }: Step) =>
    [from.view, addend, to.view, ...copies.map(({ view }) => view)].filter((view) => view !== undefined);
  const last = new Map<Buffer, number>();
  steps.forEach((step, index) => {
    for (const { buffer } of viewsOf(step)) last.set(buffer, index);
  });
  const shared = new Map<Buffer, Buffer>();
  const free: Buffer[] = [];
  steps.forEach((step, index) => {
    const buffers = new Set(viewsOf(step).map(({ buffer }) => buffer));
    for (const buffer of buffers) {
      if (shared.has(buffer)) continue;
      const place = free.findIndex(({ key }) => key === buffer.key);
      shared.set(buffer, place < 0 ? buffer : free.splice(place, 1)[0]!);
    }
    for (const buffer of buffers) if (last.get(buffer) === index) free.push(shared.get(buffer)!);
  });
  const moved = (view: View): View => ({ ...view, buffer: shared.get(view.buffer)! });
  const movedForm = ({ view, relu }: Form): Form => ({ view: moved(view), relu });
  return steps.map((step) => ({
    ...step,
    from: { ...step.from, view: moved(step.from.view) },
    addend: step.addend && moved(step.addend),
    to: movedForm(step.to),
    copies: step.copies.map(movedForm),
  }));
}
