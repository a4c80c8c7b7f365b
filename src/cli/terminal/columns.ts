// Formats rows as lines with aligned columns.

/**
 * @param rows rows, possibly of different lengths
 * @param alignment a letter for each column, l (left) or r (right); the last one also applies to all following columns
 */
export function alignColumns(rows: readonly (readonly string[])[], alignment = 'r'): string[] {
  const count = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: count }, (_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? '').length)),
  );
  const aligned = (text: string, column: number) => {
    const side = alignment[Math.min(column, alignment.length - 1)];
    return side === 'l' ? text.padEnd(widths[column]!) : text.padStart(widths[column]!);
  };
  return rows.map((row) => row.map(aligned).join('   ').trimEnd());
}
