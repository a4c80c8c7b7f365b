// A reader of Python's pickles that makes data and nothing else. What a pickle asks for by name is looked up in a table that the
// caller gives; any other name, and any operation that plain data does not need, ends the reading with one sentence. No code
// runs because a file says so. (libtorch's own unpickler reads zip archives alone; npm's pickleparser constructs whatever a
// name resolves to, and its integers end at 64 bits, where a legacy file begins with one of 80.)

/** What a pickle holds. A dictionary is a Map, a list or tuple an array, None undefined; whole numbers beyond 2^53 are bigint. */
export type Pickled = unknown;

/** What a name in a pickle stands for: a constructor, called with the pickle's arguments, or something that only has a meaning. */
export interface Named {
  readonly make?: (values: Pickled[]) => Pickled;
  readonly meaning?: unknown;
}

export interface PickleTable {
  /** @throws PickleError for a name that is not to be used */
  named(name: string): Named;
  /** An object that is stored outside the pickle. @throws PickleError */
  stored(id: Pickled): Pickled;
}

/** The pickle is no data, or damaged. The caller adds which file it is. */
export class PickleError extends Error {}

const mark = Symbol('mark');

/** One pickle of `bytes` that starts at `start`, and where it ends. @throws PickleError */
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
    if (this.#at + length > this.#bytes.length) throw new PickleError('a pickle that breaks off');
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

  /** Little-endian two's complement of any length. */
  long(length: number): number | bigint {
    const value = this.#take(length).reduceRight((sum, each) => (sum << 8n) | BigInt(each), 0n);
    const signed = BigInt.asIntN(8 * length, value);
    return Number.isSafeInteger(Number(signed)) ? Number(signed) : signed;
  }

  line(): string {
    const end = this.#bytes.indexOf(0x0a, this.#at);
    if (end < 0) throw new PickleError('a pickle that breaks off');
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
    this.push(new NamedValue(this.#table.named(`${module}.${name}`)));
  }

  named = () => this.name(...(this.pair() as [unknown, unknown]));

  call(): void {
    const [made, values] = this.pair();
    const make = made instanceof NamedValue ? made.named.make : undefined;
    if (!make || !Array.isArray(values)) throw new PickleError('one that calls what is no constructor of tensors');
    this.push(make(values));
  }

  /** Attributes of an object; the only ones that state dicts have are a dictionary's, and they tell of no tensor. */
  attributes(): void {
    this.#pop();
    if (!(this.#stack.at(-1) instanceof Map)) throw new PickleError('one that builds an object of a class');
  }

  stored = () => this.push(this.#table.stored(this.#pop()));

  #several(count: number): unknown[] {
    if (this.#stack.length < count) throw new PickleError('a damaged pickle');
    return this.#stack.splice(this.#stack.length - count);
  }
}

/** A name on the stack, so that only what the table gave can be called. */
export class NamedValue {
  readonly named: Named;

  constructor(named: Named) {
    this.named = named;
  }
}

/** The operations that data consists of, by their codes as characters (Python's pickletools, protocols 2 to 4). */
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
  '\x93': (machine) => machine.named(), // STACK_GLOBAL
  R: (machine) => machine.call(), // REDUCE
  b: (machine) => machine.attributes(), // BUILD
  Q: (machine) => machine.stored(), // BINPERSID
};
