// A cell as the paper's Figure 4 shows it, drawn by draw/ in the page; what differs from another cell has a bold frame.

import { useMemo } from 'preact/hooks';
import { cellGraph } from '../../draw/cell-graph.ts';
import { type Box, layoutCell, type Route } from '../../draw/layout.ts';
import { ink, sizes, styles } from '../../draw/palette.ts';
import type { Architecture, Cell } from '../../space/architecture.ts';
import { describeCell } from '../../space/print.ts';

interface Props {
  architecture: Architecture;
  which: 'normal' | 'reduction';
  /** Ids of boxes to be marked. */
  marked?: ReadonlySet<string>;
  /** Small pictures leave out their heading. */
  small?: boolean;
}

interface PairProps {
  architecture: Architecture;
  /** Ids of boxes to be marked, in the normal and in the reduction cell. */
  marked?: readonly ReadonlySet<string>[] | undefined;
  /** One above the other. */
  stacked?: boolean;
}

/** The normal and the reduction cell. */
export function CellPair({ architecture, marked, stacked = false }: PairProps) {
  const [normal, reduction] = marked ?? [];
  return (
    <div class={stacked ? 'pair stacked' : 'pair'}>
      <CellPicture architecture={architecture} which="normal" {...(normal && { marked: normal })} />
      <CellPicture architecture={architecture} which="reduction" {...(reduction && { marked: reduction })} />
    </div>
  );
}

export function CellPicture({ architecture, which, marked, small = false }: Props) {
  const cell: Cell = architecture[which];
  const { boxes, routes, width, height } = useMemo(
    () => layoutCell(cellGraph(cell, architecture.operations)),
    [cell, architecture],
  );
  const title = which === 'normal' ? 'Normal cell' : 'Reduction cell';
  const pad = 6;
  return (
    <figure class={small ? 'cell small' : 'cell'}>
      <svg
        viewBox={`${-pad} ${-pad} ${width + 2 * pad} ${height + 2 * pad}`}
        style={{ maxWidth: `${width + 2 * pad}px` }}
        role="img"
        aria-label={`${title}: ${describeCell(cell).join('; ')}`}
      >
        {routes.map((route, index) => (
          <RoutePath key={index} route={route} />
        ))}
        {boxes.map((box) => (
          <BoxShape key={box.id} box={box} marked={marked?.has(box.id) === true} />
        ))}
      </svg>
      {!small && <figcaption>{title}</figcaption>}
    </figure>
  );
}

function RoutePath({ route: { points, live } }: { route: Route }) {
  const [start, ...rest] = points;
  let path = `M${start![0]} ${start![1]}`;
  let [fromX, fromY] = start!;
  for (const [x, y] of rest) {
    const middle = (fromY + y) / 2;
    path += x === fromX ? `V${y}` : `C${fromX} ${middle} ${x} ${middle} ${x} ${y}`;
    [fromX, fromY] = [x, y];
  }
  path += `M${fromX - 3.5} ${fromY + 6}L${fromX} ${fromY}L${fromX + 3.5} ${fromY + 6}`;
  return <path d={path} class="edge" fill="none" stroke-width="1.2" opacity={live ? 1 : 0.35} />;
}

function BoxShape({ box, marked }: { box: Box; marked: boolean }) {
  const { kind, label, meaning, live, x, y, width, height } = box;
  const { fill, stroke, radius } = styles[kind];
  const [name, index] = /^(.*h)_(\S+)$/.exec(label)?.slice(1) ?? [label, undefined];
  const bold = kind === 'hidden' || kind === 'output';
  return (
    <g opacity={live ? 1 : 0.4}>
      <title>{marked ? `differs: ${meaning}` : meaning}</title>
      {marked && (
        <rect
          x={x - width / 2 - 4}
          y={y - height / 2 - 4}
          width={width + 8}
          height={height + 8}
          rx={radius + 4}
          class="differs"
        />
      )}
      <rect
        x={x - width / 2}
        y={y - height / 2}
        width={width}
        height={height}
        rx={radius}
        fill={fill}
        stroke={stroke}
        stroke-width="1.2"
      />
      <text
        x={x}
        y={y + sizes.font * 0.36}
        text-anchor="middle"
        font-size={sizes.font}
        font-weight={bold ? 600 : 400}
        fill={ink.text}
      >
        {name}
        {index !== undefined && (
          <tspan dy="3" font-size={sizes.font * 0.75}>
            {index}
          </tspan>
        )}
      </text>
    </g>
  );
}
