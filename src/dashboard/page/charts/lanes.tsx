// Workers as lanes: who trained what from when to when, and for how long nobody did.

import { useId, useState } from 'preact/hooks';
import { colour, css, timeTicks } from './axis.ts';
import { chartFont, useDrawing, useTheme, useWidth } from './canvas.ts';

export interface Bar {
  lane: number;
  from: number;
  /** Undefined: it runs. */
  to: number | undefined;
  /** Of one that runs. */
  predictedEnd?: number | undefined;
  outcome: 'done' | 'failed' | 'lost' | 'running';
  label: string;
  /** What it is, in a sentence. */
  about: string;
  trial: number;
}

interface Props {
  bars: Bar[];
  lanes: string[];
  /** Milliseconds since 1970. */
  window: [number, number];
  now: number;
  summary: string;
  onPick: (trial: number) => void;
  formatTime: (time: number) => string;
}

const laneHeight = 26;
const labelWidth = 76;
const axisHeight = 24;

export function Lanes({ bars, lanes, window, now, summary, onPick, formatTime }: Props) {
  const [attach, width] = useWidth<HTMLDivElement>();
  useTheme();
  const [chosen, setChosen] = useState<number | undefined>(undefined);
  const id = useId();
  const height = Math.max(1, lanes.length) * laneHeight + axisHeight;
  const inner = Math.max(10, width - labelWidth - 8);
  const [from, to] = window;
  const x = (time: number) => labelWidth + ((time - from) / (to - from)) * inner;
  const canvas = useDrawing({ width, height }, (context) => {
    context.font = chartFont();
    context.textBaseline = 'middle';
    lanes.forEach((name, lane) => {
      const top = lane * laneHeight;
      context.fillStyle = css(colour('--quiet'));
      context.textAlign = 'left';
      context.fillText(name, 0, top + laneHeight / 2);
      context.fillStyle = css(colour('--grid'), 0.6);
      context.fillRect(labelWidth, top + 3, inner, laneHeight - 6);
    });
    context.save();
    context.beginPath();
    context.rect(labelWidth, 0, inner, height);
    context.clip();
    for (const [index, bar] of bars.entries()) paintBar(context, bar, x, now, index === chosen);
    context.restore();
    context.fillStyle = css(colour('--quiet'));
    context.textAlign = 'center';
    for (const time of timeTicks(from, to, Math.max(2, inner / 85)))
      if (x(time) > labelWidth + 24 && x(time) < labelWidth + inner - 24)
        context.fillText(formatTime(time), x(time), height - axisHeight / 2 + 2);
    if (now < to) {
      context.strokeStyle = css(colour('--ink'), 0.5);
      context.setLineDash([3, 3]);
      context.beginPath();
      context.moveTo(x(now), 0);
      context.lineTo(x(now), height - axisHeight);
      context.stroke();
    }
  });
  const barAt = (event: PointerEvent | MouseEvent) => {
    const box = (event.currentTarget as HTMLElement).getBoundingClientRect();
    const [px, lane] = [event.clientX - box.left, Math.floor((event.clientY - box.top) / laneHeight)];
    const found = bars.findLastIndex((bar) => bar.lane === lane && px >= x(bar.from) - 1 && px <= x(bar.to ?? now) + 1);
    return found < 0 ? undefined : found;
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (event.key === 'Enter' && chosen !== undefined && bars[chosen]) onPick(bars[chosen].trial);
    if (step === undefined || bars.length === 0) return;
    event.preventDefault();
    setChosen(Math.max(0, Math.min(bars.length - 1, (chosen ?? bars.length) + step)));
  };
  const told = chosen === undefined ? undefined : bars[chosen]?.about;
  return (
    <div class="lanes" ref={attach}>
      <div
        class="surface"
        style={{ height: `${height}px` }}
        role="application"
        aria-roledescription="timeline"
        tabIndex={0}
        aria-label={summary}
        aria-describedby={id}
        onPointerMove={(event) => setChosen(barAt(event))}
        onPointerLeave={() => setChosen(undefined)}
        onClick={(event) => {
          const found = barAt(event);
          if (found !== undefined) onPick(bars[found]!.trial);
        }}
        onKeyDown={onKeyDown}
      >
        <canvas ref={canvas} />
      </div>
      <p class="told" id={id} aria-live="polite">
        {told ?? summary}
      </p>
    </div>
  );
}

const colours: Record<Bar['outcome'], string> = { done: '--s1', failed: '--s2', lost: '--axis', running: '--s3' };

function paintBar(
  context: CanvasRenderingContext2D,
  bar: Bar,
  x: (time: number) => number,
  now: number,
  isChosen: boolean,
): void {
  const top = bar.lane * laneHeight + 3;
  const height = laneHeight - 6;
  const [left, right] = [x(bar.from), x(bar.to ?? now)];
  const width = Math.max(1.5, right - left - 1);
  const rgb = colour(colours[bar.outcome]);
  if (bar.predictedEnd !== undefined && bar.predictedEnd > now) {
    context.fillStyle = css(rgb, 0.18);
    context.fillRect(left, top, x(bar.predictedEnd) - left, height);
  }
  context.fillStyle = css(rgb, bar.outcome === 'done' ? 0.8 : 0.9);
  context.beginPath();
  context.roundRect(left, top, width, height, Math.min(3, width / 2));
  context.fill();
  if (bar.outcome === 'failed' || bar.outcome === 'lost') paintHatch(context, left, top, width, height);
  if (isChosen) {
    context.strokeStyle = css(colour('--ink'));
    context.lineWidth = 2;
    context.stroke();
  }
  if (width < 30) return;
  context.fillStyle = css(colour('--on-series'));
  context.textAlign = 'left';
  context.save();
  context.beginPath();
  context.rect(left, top, width - 3, height);
  context.clip();
  context.fillText(bar.label, left + 5, top + height / 2 + 0.5);
  context.restore();
}

/** A pattern beside the colour. */
function paintHatch(context: CanvasRenderingContext2D, left: number, top: number, width: number, height: number): void {
  context.save();
  context.beginPath();
  context.rect(left, top, width, height);
  context.clip();
  context.beginPath();
  for (let at = left - height; at < left + width; at += 5) {
    context.moveTo(at, top + height);
    context.lineTo(at + height, top);
  }
  context.strokeStyle = css(colour('--card'), 0.7);
  context.lineWidth = 1.2;
  context.stroke();
  context.restore();
}
