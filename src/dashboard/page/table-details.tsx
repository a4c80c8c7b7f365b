// A table that opens below a chart: its data as text. The rows are made only while it is open.

import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';

interface Props {
  summary?: string;
  caption?: string | undefined;
  heads: string[];
  /** The cells of each row; all but the first column are figures or short words. */
  rows: () => ComponentChildren[][];
  open?: boolean;
}

/** The names of a table's columns. */
export function HeadRow({ heads }: { heads: readonly string[] }) {
  return (
    <tr>
      {heads.map((head) => (
        <th key={head} scope="col">
          {head}
        </th>
      ))}
    </tr>
  );
}

export function TableDetails({ summary = 'As a table', caption, heads, rows, open: initially = false }: Props) {
  const [open, setOpen] = useState(initially);
  return (
    <details class="as-table" open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{summary}</summary>
      {open && (
        <div class="scroll">
          <table>
            {caption && <caption>{caption}</caption>}
            <thead>
              <HeadRow heads={heads} />
            </thead>
            <tbody>
              {rows().map((cells, row) => (
                <tr key={row}>
                  {cells.map((cell, place) => (
                    <td key={heads[place]} class={place > 0 ? 'number' : undefined}>
                      {cell}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </details>
  );
}
