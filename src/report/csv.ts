// A line of CSV (RFC 4180).

export type CsvValue = string | number | null | undefined;

/** Returns the fields of a line, without its end; missing values are empty. */
export const csvLine = (values: readonly CsvValue[]): string => values.map(field).join(',');

function field(value: CsvValue): string {
  const text = String(value ?? '');
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
