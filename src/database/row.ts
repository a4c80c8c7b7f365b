// What rows of a database hold.

export type Value = string | number | null | Uint8Array;
export type Row = Record<string, Value>;
