// Parses unknown JSON into an Architecture, or refuses it in one sentence: where, what was expected and what was found.
// Callers read the files and databases.

import { InputError } from '../failure.ts';
import { within } from '../largest.ts';
import type { Architecture, Block, Cell } from './architecture.ts';
import {
  type Combiner,
  combiners,
  type Operation,
  type OperationName,
  type OperationTable,
  operations,
} from './operations.ts';
import { parseOwnLayers } from './own-layers.ts';

/**
 * Parses a JSON document in the architecture file format.
 * @param where the name of its source, put in front of every message, such as a file name
 * @throws InputError such as `normal.blocks[3].inputs[0]: expected a hidden state from 0 to 4, got 7`
 */
export function parseArchitecture(value: unknown, where = ''): Architecture {
  const prefix = where === '' ? '' : `${where}: `;
  const document = record(value, where === '' ? 'architecture' : where, ['normal', 'reduction'], prefix, [
    'operations',
  ]);
  const own =
    document.operations === undefined ? undefined : parseOperations(document.operations, `${prefix}operations`);
  const normal = parseCell(document.normal, `${prefix}normal`, own);
  const reduction = parseCell(document.reduction, `${prefix}reduction`, own);
  const [expected, got] = [passedStates(normal), passedStates(reduction)];
  if (expected === got) return { normal, reduction, ...(own && { operations: own }) };
  const outputs = (count: number) => (count === 0 ? 'one output' : `${count} states passed on`);
  throw new InputError(`${prefix}reduction: expected ${outputs(expected)}, as in the normal cell, got ${outputs(got)}`);
}

/** The number of states that a cell passes on one by one. */
const passedStates = ({ output, blocks }: Cell) => (output === 'states' ? blocks.length : 0);

/** Parses JSON text as `parseArchitecture` parses a document. @throws InputError also if the text is not JSON. */
export function parseArchitectureText(text: string, where = 'architecture'): Architecture {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new InputError(`${where}: expected a JSON document, got ${(error as Error).message}`);
  }
  return parseArchitecture(value, where);
}

function parseCell(value: unknown, where: string, own?: OperationTable): Cell {
  const cell = record(value, where, ['inputs', 'blocks', 'output']);
  const values = list(cell.blocks, `${where}.blocks`, 'a list of blocks');
  if (values.length === 0) throw new InputError(`${where}.blocks: expected at least one block, got an empty list`);
  within('blocks', values.length, `${where}.blocks`);
  const inputs = parseInputs(cell, values.length, where);
  const blocks = values.map((block, index) => parseBlock(block, inputs + index - 1, `${where}.blocks[${index}]`, own));
  if (cell.output === 'states') return { inputs, blocks, output: 'states' };
  if (cell.output === undefined) return { blocks };
  return { blocks, output: parseOutput(cell.output, inputs + blocks.length - 1, `${where}.output`) };
}

/** Returns the cell's number of inputs: 2, or its number of blocks if it passes on its states. */
function parseInputs({ inputs = 2, output }: Record<string, unknown>, blocks: number, where: string): number {
  const expected = output === 'states' ? blocks : 2;
  if (inputs === expected) return expected;
  const reason = output === 'states' ? 'as many as blocks' : 'as "output" is not "states"';
  throw new InputError(`${where}.inputs: expected ${expected}, ${reason}, got ${formatValue(inputs)}`);
}

/** Parses a block that can read the states 0 to `last`. */
function parseBlock(value: unknown, last: number, where: string, own?: OperationTable): Block {
  const block = record(value, where, ['inputs', 'operations', 'combine']);
  const inputs = pair(block.inputs, `${where}.inputs`, 'two hidden states');
  const names = pair(block.operations, `${where}.operations`, 'two operations');
  return {
    inputs: [hiddenState(inputs[0], last, `${where}.inputs[0]`), hiddenState(inputs[1], last, `${where}.inputs[1]`)],
    operations: [
      operation(names[0], `${where}.operations[0]`, own),
      operation(names[1], `${where}.operations[1]`, own),
    ],
    combine: combiner(block.combine, `${where}.combine`),
  };
}

function parseOutput(value: unknown, last: number, where: string): number[] {
  const states = list(value, where, 'a list of hidden states or "states"').map((state, index) =>
    hiddenState(state, last, `${where}[${index}]`),
  );
  if (states.length === 0) throw new InputError(`${where}: expected at least one hidden state, got an empty list`);
  states.forEach((state, index) => {
    if (states.indexOf(state) === index) return;
    throw new InputError(`${where}[${index}]: expected each hidden state once, got ${state} again`);
  });
  return states;
}

function hiddenState(value: unknown, last: number, where: string): number {
  if (Number.isInteger(value) && (value as number) >= 0 && (value as number) <= last) return value as number;
  throw new InputError(`${where}: expected a hidden state from 0 to ${last}, got ${formatValue(value)}`);
}

function operation(value: unknown, where: string, own: OperationTable = {}): OperationName {
  if (typeof value === 'string' && (Object.hasOwn(operations, value) || Object.hasOwn(own, value))) return value;
  const known = [...Object.keys(operations), ...Object.keys(own)];
  throw new InputError(`${where}: expected one of ${known.join(', ')}, got ${formatValue(value)}`);
}

function parseOwn(value: unknown, where: string): Operation {
  const { label, normal, strided } = record(value, where, ['kind', 'label', 'normal', 'strided']);
  if (typeof label !== 'string' || label === '' || label.length > 40)
    throw new InputError(`${where}.label: expected a text of 1 to 40 characters, got ${formatValue(label)}`);
  return {
    kind: 'layers',
    label,
    normal: parseOwnLayers(normal, 1, `${where}.normal`),
    strided: parseOwnLayers(strided, 2, `${where}.strided`),
  };
}

/** The number fields of each kind of operation. */
const kindFields: Record<Exclude<Operation['kind'], 'layers'>, readonly string[]> = {
  identity: [],
  convolution: ['kernel'],
  factorised: ['kernel'],
  dilated: ['kernel', 'dilation'],
  separable: ['kernel'],
  'average-pool': ['kernel'],
  'max-pool': ['kernel'],
};
const largestKernel = 31;

/**
 * Parses unknown JSON into operations by name. The custom operations of an `architecture` must have new names; a
 * `space` may also list operations of the table, unchanged.
 * @throws InputError such as `operations.sep_conv_9x9.kernel: expected an odd number from 1 to 31, got 8`
 */
export function parseOperations(
  value: unknown,
  where: string,
  of: 'architecture' | 'space' = 'architecture',
): OperationTable {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new InputError(`${where}: expected an object of operations by name, got ${formatValue(value)}`);
  const entries = Object.entries(value);
  if (entries.length === 0) throw new InputError(`${where}: expected at least one operation, got none`);
  const names = new Map(Object.entries(operations).map(([name, known]) => [JSON.stringify(known), name]));
  return Object.fromEntries(
    entries.map(([name, entry]): [string, Operation] => {
      if (!/^[a-z][a-z0-9_]*$/i.test(name))
        throw new InputError(`${where}: expected names of letters, digits and _, got ${formatValue(name)}`);
      const operation = parseOperation(entry, `${where}.${name}`);
      const definition = JSON.stringify(operation);
      const sameAs = names.get(definition);
      if (of === 'space' && sameAs === name && Object.hasOwn(operations, name)) return [name, operation];
      if (Object.hasOwn(operations, name)) {
        const known = JSON.stringify(operations[name as keyof typeof operations]);
        throw new InputError(`${where}.${name}: expected another name, because ${name} is already ${known}`);
      }
      if (sameAs !== undefined)
        throw new InputError(`${where}.${name}: expected a new operation, got the same as ${sameAs}`);
      names.set(definition, name);
      return [name, operation];
    }),
  );
}

function parseOperation(value: unknown, where: string): Operation {
  const kind = (value as { kind?: unknown } | null)?.kind;
  if (kind === 'layers') return parseOwn(value, where);
  if (typeof kind !== 'string' || !Object.hasOwn(kindFields, kind))
    throw new InputError(
      `${where}.kind: expected one of ${Object.keys(kindFields).join(', ')}, layers, got ${formatValue(kind)}`,
    );
  const fields = kindFields[kind as keyof typeof kindFields];
  const entry = record(value, where, ['kind', ...fields]);
  for (const field of fields) {
    const number = entry[field];
    const odd = field !== 'kernel' || Number(number) % 2 === 1;
    if (Number.isInteger(number) && Number(number) >= 1 && Number(number) <= largestKernel && odd) continue;
    const expected = `${field === 'kernel' ? 'an odd' : 'a whole'} number from 1 to ${largestKernel}`;
    throw new InputError(`${where}.${field}: expected ${expected}, got ${formatValue(number)}`);
  }
  return Object.fromEntries([['kind', kind], ...fields.map((field) => [field, entry[field]])]) as Operation;
}

function combiner(value: unknown, where: string): Combiner {
  if (combiners.includes(value as Combiner)) return value as Combiner;
  throw new InputError(`${where}: expected one of ${combiners.join(', ')}, got ${formatValue(value)}`);
}

function pair(value: unknown, where: string, expected: string): [unknown, unknown] {
  if (Array.isArray(value) && value.length === 2) return [value[0], value[1]];
  throw new InputError(`${where}: expected a list of ${expected}, got ${formatValue(value)}`);
}

function list(value: unknown, where: string, expected: string): unknown[] {
  if (Array.isArray(value)) return value;
  throw new InputError(`${where}: expected ${expected}, got ${formatValue(value)}`);
}

/** Checks that a value is an object without other keys; `prefix` replaces `where.` in the name of an unknown key. */
function record(
  value: unknown,
  where: string,
  keys: string[],
  prefix = `${where}.`,
  optional: string[] = [],
): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    const listed = `${keys.slice(0, -1).join(', ')} and ${keys.at(-1)}`;
    throw new InputError(`${where}: expected an object with ${listed}, got ${formatValue(value)}`);
  }
  for (const key of Object.keys(value)) {
    const known = [...keys, ...optional];
    if (!known.includes(key)) throw new InputError(`${prefix}${key}: expected only ${known.join(', ')}, got this key`);
  }
  return value as Record<string, unknown>;
}

/** Formats a value for a message: short, on one line, as JSON if possible. */
function formatValue(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === 'object' && value !== null) return 'an object';
  const text = typeof value === 'string' || value === null ? JSON.stringify(value) : String(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}
