// Rows as lines whose columns stand under each other.

/**
 * @param rows may be shorter than the longest
 * @param alignment a letter for each column, the last one for all that follow: l where texts start together, r where numbers end
 * together
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
