// Numbers of many trials as bytes: a column after another, which compresses to a tenth of the same rows as JSON.
// Written by the server, read in the page.

export type Column = Uint8Array | Int32Array | Float32Array | Float64Array;

/** Columns of equal length, from trial `first` on; a column of several numbers a trial has `count` times as many. */
export interface Columns {
  first: number;
  count: number;
  columns: Record<string, Column>;
}

const types = { u8: Uint8Array, i32: Int32Array, f32: Float32Array, f64: Float64Array } as const;
type TypeName = keyof typeof types;

const alignment = 8; // bytes, of every column

interface Header {
  first: number;
  count: number;
  columns: { name: string; type: TypeName; length: number }[];
}

const aligned = (bytes: number) => Math.ceil(bytes / alignment) * alignment;

export function encodeColumns({ first, count, columns }: Columns): Uint8Array {
  const header: Header = { first, count, columns: [] };
  for (const [name, column] of Object.entries(columns)) {
    const type = (Object.keys(types) as TypeName[]).find((key) => column instanceof types[key])!;
    header.columns.push({ name, type, length: column.length });
  }
  const text = new TextEncoder().encode(JSON.stringify(header));
  const start = aligned(4 + text.length);
  const bytes = new Uint8Array(
    start + Object.values(columns).reduce((sum, { byteLength }) => sum + aligned(byteLength), 0),
  );
  new DataView(bytes.buffer).setUint32(0, text.length, true);
  bytes.set(text, 4);
  let at = start;
  for (const { buffer, byteOffset, byteLength } of Object.values(columns)) {
    bytes.set(new Uint8Array(buffer, byteOffset, byteLength), at);
    at += aligned(byteLength);
  }
  return bytes;
}

/** @throws RangeError if the bytes are not whole */
export function decodeColumns(bytes: Uint8Array): Columns {
  const copy = bytes.byteOffset % alignment === 0 ? bytes : bytes.slice();
  const { buffer, byteOffset } = copy;
  const length = new DataView(buffer, byteOffset).getUint32(0, true);
  const { first, count, columns } = JSON.parse(new TextDecoder().decode(copy.subarray(4, 4 + length))) as Header;
  let at = byteOffset + aligned(4 + length);
  const read = columns.map(({ name, type, length }): [string, Column] => {
    const column = new types[type](buffer as ArrayBuffer, at, length);
    at += aligned(column.byteLength);
    return [name, column];
  });
  return { first, count, columns: Object.fromEntries(read) };
}
