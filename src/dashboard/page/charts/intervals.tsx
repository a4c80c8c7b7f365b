// Values with their intervals as rows: a dot, a bar, and where chance would be. Drawn as SVG, so that it is text too.

import type { ComponentChildren } from 'preact';
import { HeadRow } from '../table-details.tsx';

export interface IntervalRow {
  label: string;
  /** In place of the label, such as a link. */
  shown?: ComponentChildren;
  value: number;
  low: number;
  high: number;
  /** What chance would give. */
  chance?: number;
  /** Another value to compare with. */
  other?: number;
  note?: string;
  /** Further cells of the row. */
  more?: ComponentChildren[];
}

interface Props {
  rows: IntervalRow[];
  format: (value: number) => string;
  caption: string;
  otherName?: string;
  chanceName?: string;
  /** Heads of the further cells; they make the head visible. */
  heads?: string[];
}

const width = 170;

export function Intervals({ rows, format, caption, otherName, chanceName, heads = [] }: Props) {
  if (rows.length === 0) return <p class="nothing">Nothing to compare yet.</p>;
  const all = rows.flatMap(({ low, high, value, chance, other }) => [
    low,
    high,
    value,
    ...(chance === undefined ? [] : [chance]),
    ...(other === undefined ? [] : [other]),
  ]);
  const [least, most] = [Math.min(...all), Math.max(...all)];
  const pad = (most - least) * 0.05 || 0.01;
  const x = (value: number) => ((value - least + pad) / (most - least + 2 * pad)) * width;
  return (
    <div class="scroll">
      <table class="intervals">
        <caption>{caption}</caption>
        <thead class={heads.length > 0 ? '' : 'sr'}>
          <HeadRow heads={['what', 'picture', 'value with 95% interval', ...heads]} />
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.label}>
              <th scope="row">{row.shown ?? row.label}</th>
              <td>
                <svg viewBox={`0 0 ${width} 18`} width={width} height="18" aria-hidden="true">
                  {row.chance !== undefined && <path d={`M${x(row.chance)} 1V17`} class="chance" />}
                  <path d={`M${x(row.low)} 9H${x(row.high)}`} class={`bar ${toneOf(row)}`} />
                  {row.other !== undefined && <path d={`M${x(row.other)} 4V14`} class="other" />}
                  <circle cx={x(row.value)} cy="9" r="4" class={`dot ${toneOf(row)}`} />
                </svg>
              </td>
              <td class="number">
                {format(row.value)} <span class="quiet">{row.note ?? `${format(row.low)} to ${format(row.high)}`}</span>
              </td>
              {row.more?.map((cell, index) => (
                <td key={heads[index]}>{cell}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      <p class="key">
        {chanceName && (
          <span>
            <i class="key-chance" /> {chanceName}
          </span>
        )}
        {otherName && (
          <span>
            <i class="key-other" /> {otherName}
          </span>
        )}
      </p>
    </div>
  );
}

/** Whether the interval lies beyond chance. */
function toneOf({ low, high, chance }: IntervalRow): string {
  if (chance === undefined) return 'even';
  return low > chance ? 'more' : high < chance ? 'less' : 'even';
}
