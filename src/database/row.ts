// The types of rows and of their values.

export type Value = string | number | null | Uint8Array;
export type Row = Record<string, Value>;
