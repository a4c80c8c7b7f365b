// Reads Python's pickles as data only. Names in a pickle are looked up in the caller's table; any other name, and any
// operation that plain data does not need, is an error. A file cannot run code. (libtorch's unpickler reads only zip
// archives; npm's pickleparser constructs whatever a name resolves to, and its integers have at most 64 bits, while a
// legacy file starts with one of 80.)

/**
 * A value in a pickle. A dictionary is a Map, a list or tuple an array, None undefined; integers beyond 2^53 are
 * bigint.
 */
export type Pickled = unknown;

/** The meaning of a name in a pickle: a constructor, called with the pickle's arguments, or a constant. */
export interface Global {
  readonly construct?: (values: Pickled[]) => Pickled;
  readonly constant?: unknown;
}

export interface PickleTable {
  /** Returns the meaning of a name. @throws PickleError if the name is not allowed */
  global(name: string): Global;
  /** Returns an object that is stored outside the pickle. @throws PickleError if the id is invalid */
  persistent(id: Pickled): Pickled;
}

/** Thrown if the pickle is not plain data or is damaged. The caller adds the file's name. */
export class PickleError extends Error {}

const mark = Symbol('mark');

/** Reads the pickle that starts at `start`. Returns its value and the offset of its end. @throws PickleError */
export function readPickle(bytes: Buffer, start: number, table: PickleTable): { value: Pickled; end: number } {
  return new Unpickler(bytes, start, table).run();
}

class Unpickler {
  readonly #bytes: Buffer;
  readonly #table: PickleTable;
  readonly #stack: unknown[] = [];
  readonly #memory = new Map<number, unknown>();
  #at: number;

  constructor(bytes: Buffer, start: number, table: PickleTable) {
    this.#bytes = bytes;
    this.#at = start;
    this.#table = table;
  }

  run(): { value: Pickled; end: number } {
    for (;;) {
      const code = this.text(1, 'latin1');
      if (code === '.') return { value: this.#pop(), end: this.#at }; // STOP
      const operation = Object.hasOwn(operations, code) ? operations[code] : undefined;
      if (!operation) throw new PickleError(`an operation (${JSON.stringify(code)}) that no file of tensors needs`);
      operation(this);
    }
  }

  #take(length: number): Buffer {
    if (this.#at + length > this.#bytes.length) throw new PickleError('a truncated pickle');
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  #pop(): unknown {
    if (this.#stack.length === 0) throw new PickleError('a damaged pickle');
    return this.#stack.pop();
  }

  byte = () => this.#take(1)[0]!;
  unsigned16 = () => this.#take(2).readUInt16LE();
  signed32 = () => this.#take(4).readInt32LE();
  unsigned32 = () => this.#take(4).readUInt32LE();
  float64 = () => this.#take(8).readDoubleBE();
  skip = (length: number) => void this.#take(length);
  text = (length: number, encoding: 'utf8' | 'latin1' = 'utf8') => this.#take(length).toString(encoding);

  /** Reads a little-endian two's complement integer of any length. */
  long(length: number): number | bigint {
    const value = this.#take(length).reduceRight((sum, each) => (sum << 8n) | BigInt(each), 0n);
    const signed = BigInt.asIntN(8 * length, value);
    return Number.isSafeInteger(Number(signed)) ? Number(signed) : signed;
  }

  line(): string {
    const end = this.#bytes.indexOf(0x0a, this.#at);
    if (end < 0) throw new PickleError('a truncated pickle');
    const text = this.text(end - this.#at);
    this.skip(1);
    return text;
  }

  push = (value: unknown) => void this.#stack.push(value);
  pop = () => this.#pop();
  mark = () => this.push(mark);
  tuple = (length: number) => this.push(this.#several(length));
  remember = (index = this.#memory.size) => void this.#memory.set(index, this.#stack.at(-1));

  recall(index: number): void {
    if (!this.#memory.has(index)) throw new PickleError('a damaged pickle');
    this.push(this.#memory.get(index));
  }

  sinceMark(): unknown[] {
    const begin = this.#stack.lastIndexOf(mark);
    if (begin < 0) throw new PickleError('a damaged pickle');
    return this.#stack.splice(begin).slice(1);
  }

  append(values: unknown[]): void {
    const list = this.#stack.at(-1);
    if (!Array.isArray(list)) throw new PickleError('a damaged pickle');
    for (const value of values) list.push(value);
  }

  pair = () => this.#several(2);

  set(values: unknown[]): void {
    const map = this.#stack.at(-1);
    if (!(map instanceof Map) || values.length % 2 !== 0) throw new PickleError('a damaged pickle');
    for (let index = 0; index < values.length; index += 2) map.set(values[index], values[index + 1]);
  }

  name(module: unknown, name: unknown): void {
    if (typeof module !== 'string' || typeof name !== 'string') throw new PickleError('a damaged pickle');
    this.push(new GlobalValue(this.#table.global(`${module}.${name}`)));
  }

  stackGlobal = () => this.name(...(this.pair() as [unknown, unknown]));

  call(): void {
    const [callee, values] = this.pair();
    const construct = callee instanceof GlobalValue ? callee.global.construct : undefined;
    if (!construct || !Array.isArray(values))
      throw new PickleError('one that calls something other than a constructor of tensors');
    this.push(construct(values));
  }

  /** Ignores the attributes of an object. In state dicts only dictionaries have them, and they describe no tensor. */
  attributes(): void {
    this.#pop();
    if (!(this.#stack.at(-1) instanceof Map)) throw new PickleError('one that builds an object of a class');
  }

  persistent = () => this.push(this.#table.persistent(this.#pop()));

  #several(count: number): unknown[] {
    if (this.#stack.length < count) throw new PickleError('a damaged pickle');
    return this.#stack.splice(this.#stack.length - count);
  }
}

/** A name's meaning on the stack; only these can be called. */
export class GlobalValue {
  readonly global: Global;

  constructor(global: Global) {
    this.global = global;
  }
}

/** The operations that plain data needs, by their codes as characters (Python's pickletools, protocols 2 to 4). */
const operations: Readonly<Record<string, (machine: Unpickler) => void>> = {
  '\x80': (machine) => machine.skip(1), // PROTO
  '\x95': (machine) => machine.skip(8), // FRAME
  N: (machine) => machine.push(undefined), // None
  '\x88': (machine) => machine.push(true),
  '\x89': (machine) => machine.push(false),
  J: (machine) => machine.push(machine.signed32()), // BININT
  K: (machine) => machine.push(machine.byte()),
  M: (machine) => machine.push(machine.unsigned16()),
  '\x8a': (machine) => machine.push(machine.long(machine.byte())), // LONG1
  G: (machine) => machine.push(machine.float64()), // BINFLOAT
  X: (machine) => machine.push(machine.text(machine.unsigned32())), // BINUNICODE
  '\x8c': (machine) => machine.push(machine.text(machine.byte())),
  T: (machine) => machine.push(machine.text(machine.unsigned32(), 'latin1')), // BINSTRING, as Python 2 wrote names
  U: (machine) => machine.push(machine.text(machine.byte(), 'latin1')),
  B: (machine) => machine.push(machine.text(machine.unsigned32(), 'latin1')), // BINBYTES
  C: (machine) => machine.push(machine.text(machine.byte(), 'latin1')),
  '(': (machine) => machine.mark(),
  ')': (machine) => machine.push([]), // EMPTY_TUPLE
  ']': (machine) => machine.push([]), // EMPTY_LIST
  '}': (machine) => machine.push(new Map()), // EMPTY_DICT
  t: (machine) => machine.push(machine.sinceMark()), // TUPLE
  '\x85': (machine) => machine.tuple(1),
  '\x86': (machine) => machine.tuple(2),
  '\x87': (machine) => machine.tuple(3),
  a: (machine) => machine.append([machine.pop()]), // APPEND
  e: (machine) => machine.append(machine.sinceMark()), // APPENDS
  s: (machine) => machine.set(machine.pair()), // SETITEM
  u: (machine) => machine.set(machine.sinceMark()), // SETITEMS
  q: (machine) => machine.remember(machine.byte()), // BINPUT
  r: (machine) => machine.remember(machine.unsigned32()),
  '\x94': (machine) => machine.remember(), // MEMOIZE
  h: (machine) => machine.recall(machine.byte()), // BINGET
  j: (machine) => machine.recall(machine.unsigned32()),
  c: (machine) => machine.name(machine.line(), machine.line()), // GLOBAL
  '\x93': (machine) => machine.stackGlobal(), // STACK_GLOBAL
  R: (machine) => machine.call(), // REDUCE
  b: (machine) => machine.attributes(), // BUILD
  Q: (machine) => machine.persistent(), // BINPERSID
};
