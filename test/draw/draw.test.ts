// Pictures of cells: nothing overlaps, edges join their boxes, labels fit, and the SVG is well formed.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cellGraph, operationLabel } from '../../src/draw/cell-graph.ts';
import { type Box, layoutCell, type Route } from '../../src/draw/layout.ts';
import { sizes, styles, textWidth } from '../../src/draw/palette.ts';
import { drawArchitecture } from '../../src/draw/picture.ts';
import { RandomStream } from '../../src/random/stream.ts';
import type { Architecture } from '../../src/space/architecture.ts';
import { decode } from '../../src/space/decisions.ts';
import { operationNames } from '../../src/space/operations.ts';
import { nasnetA } from '../../src/space/published.ts';
import { sampleDecisions } from '../../src/space/sample.ts';
import { spaceNames } from '../../src/space/search-space.ts';

const sampled = Array.from({ length: 90 }, (_, seed) => {
  const space = spaceNames[seed % 3]!;
  return decode(sampleDecisions(new RandomStream(seed), 1 + (seed % 7), space), space);
});
const drawings = [nasnetA, ...sampled].flatMap(({ normal, reduction }) =>
  [normal, reduction].map((cell) => layoutCell(cellGraph(cell))),
);

const overlap = (a: Box, b: Box) =>
  Math.abs(a.x - b.x) < (a.width + b.width) / 2 && Math.abs(a.y - b.y) < (a.height + b.height) / 2;

/** Returns points along an edge, constructed as in the picture: straight up, else an S with vertical ends. */
function along({ points }: Route): [number, number][] {
  return points.slice(1).flatMap(([toX, toY], index) => {
    const [fromX, fromY] = points[index]!;
    const middle = (fromY + toY) / 2;
    return Array.from({ length: 41 }, (_, step): [number, number] => {
      const [t, s] = [step / 40, 1 - step / 40];
      const bezier = (a: number, b: number, c: number, d: number) =>
        s ** 3 * a + 3 * s * s * t * b + 3 * s * t * t * c + t ** 3 * d;
      return [bezier(fromX, fromX, toX, toX), bezier(fromY, middle, middle, toY)];
    });
  });
}

test('no two boxes overlap, and all lie inside the drawing', () => {
  for (const { boxes, width, height } of drawings) {
    boxes.forEach((box, index) => {
      for (const other of boxes.slice(index + 1)) assert.ok(!overlap(box, other), `${box.id} and ${other.id}`);
      const inside = box.x - box.width / 2 >= -0.01 && box.x + box.width / 2 <= width + 0.01;
      assert.ok(inside && box.y - box.height / 2 >= -0.01 && box.y + box.height / 2 <= height + 0.01, box.id);
    });
  }
});

test('every edge leaves the top of its source, enters the bottom of its target and crosses no other box', () => {
  for (const { boxes, routes } of drawings) {
    const byId = new Map(boxes.map((box) => [box.id, box]));
    for (const route of routes) {
      const [source, target] = [byId.get(route.from)!, byId.get(route.to)!];
      const [start, end] = [route.points[0]!, route.points.at(-1)!];
      assert.ok(
        Math.abs(start[1] - (source.y - source.height / 2)) < 0.01 && Math.abs(start[0] - source.x) <= source.width / 2,
      );
      assert.ok(
        Math.abs(end[1] - (target.y + target.height / 2)) < 0.01 && Math.abs(end[0] - target.x) <= target.width / 2,
      );
      for (const [x, y] of along(route)) {
        const crossed = boxes.find(
          (box) => Math.abs(x - box.x) < box.width / 2 - 0.01 && Math.abs(y - box.y) < box.height / 2 - 0.01,
        );
        assert.equal(crossed, undefined, `${route.from} → ${route.to} crosses ${crossed?.id}`);
      }
    }
  }
});

test('inputs are at the bottom and every edge leads upwards', () => {
  for (const { boxes, routes } of drawings) {
    const byId = new Map(boxes.map((box) => [box.id, box]));
    for (const { from, to } of routes) assert.ok(byId.get(from)!.y > byId.get(to)!.y);
    const inputs = boxes.filter(({ kind }) => kind === 'hidden');
    assert.equal(new Set(inputs.map(({ y }) => y)).size, 1);
    assert.ok(boxes.every(({ kind, y }) => kind === 'hidden' || y < inputs[0]!.y));
  }
});

test('labels fit their boxes', () => {
  // Widths at 13 px from the font files of DejaVu Sans (regular, and bold for the output), the widest usual sans-serif.
  const measured = {
    'sep 5×5': 54.6,
    'dilated 3×3': 76.4,
    '1×7 7×1': 59.1,
    identity: 49.7,
    'max 5×5': 59.9,
    'add, instance norm': 126, // 124.2 of ink
    concat: 43.6,
    add: 24.5,
  };
  for (const [label, width] of Object.entries(measured)) assert.ok(textWidth(label, 13) >= width, label);
  assert.ok(textWidth('concat → h_i+1', 13, 'bold') >= 102.2);
  for (const { boxes } of drawings) {
    for (const { label, width } of boxes) assert.ok(textWidth(label, sizes.font) + 12 <= width, label);
  }
});

test('a cell has a box for each state, operation and combiner, and an edge for each read and output', () => {
  for (const { normal } of sampled) {
    const { nodes, edges } = cellGraph(normal);
    const blocks = normal.blocks.length;
    const read = new Set(normal.blocks.flatMap(({ inputs }) => inputs));
    const unread = normal.blocks.filter((_, index) => !read.has(index + 2)).length;
    // In space B every state has its own output.
    const [inputs, outputs, leaving] = normal.output === 'states' ? [blocks, blocks, blocks] : [2, 1, unread];
    assert.equal(nodes.length, inputs + 3 * blocks + outputs);
    assert.equal(edges.length, 4 * blocks + leaving);
    assert.equal(new Set(nodes.map(({ id }) => id)).size, nodes.length);
  }
});

test('the thirteen operations have thirteen labels', () => {
  const labels = operationNames.map((name) => operationLabel(name));
  assert.equal(new Set(labels).size, 13);
  assert.equal(operationLabel('sep_conv_5x5'), 'sep 5×5');
  assert.equal(operationLabel('conv_1x7_7x1'), '1×7 7×1');
});

test('the SVG is well formed and self-contained, and its legend names the colours that it uses', () => {
  for (const architecture of [nasnetA, ...sampled.slice(0, 10)]) {
    const svg = drawArchitecture(architecture, { title: 'Cells <of> "A" & B' });
    assertBalanced(svg);
    assert.match(
      svg,
      /^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg"[^>]*\srole="img" aria-label="Cells &lt;of&gt; &quot;A&quot; &amp; B"/,
    );
    assert.ok(svg.includes('<title>Cells &lt;of&gt; &quot;A&quot; &amp; B</title>'));
    assert.equal(svg.replaceAll('http://www.w3.org/2000/svg', '').match(/href|url\(|https?:|<image|<style/), null);
    const legend = svg.slice(svg.indexOf('class="legend"'));
    const shown = new Set(
      [architecture.normal, architecture.reduction].flatMap((cell) => cellGraph(cell).nodes.map(({ kind }) => kind)),
    );
    for (const [kind, style] of Object.entries(styles)) {
      assert.equal(legend.includes(`>${style.legend}<`), shown.has(kind as never), kind);
      assert.equal(svg.includes(style.fill) && kind !== 'hidden', shown.has(kind as never) && kind !== 'hidden', kind);
    }
  }
});

test('states that do not reach the output are drawn faintly', () => {
  const block = { inputs: [0, 0], operations: ['conv_1x1', 'identity'], combine: 'add' } as const;
  const dead: Architecture = { normal: { blocks: [block, block], output: [2] }, reduction: { blocks: [block] } };
  const { nodes } = cellGraph(dead.normal);
  assert.deepEqual(
    nodes.filter(({ live }) => !live).map(({ id }) => id),
    ['state-1', 'operation-3-0', 'operation-3-1', 'state-3'],
  );
  assert.ok(drawArchitecture(dead).includes('opacity="0.35"'));
  assert.ok(!drawArchitecture(nasnetA).includes('opacity'));
});

/** Asserts that every tag is closed in order and that no text contains a stray < or &. */
function assertBalanced(svg: string): void {
  const open: string[] = [];
  for (const [, closing, name, attributes, selfClosing] of svg.matchAll(
    /<(\/?)([a-z]+)((?:\s+[\w:-]+="[^"<]*")*)\s*(\/?)>/g,
  )) {
    if (closing) assert.equal(open.pop(), name);
    else if (!selfClosing) open.push(name!);
    assert.ok(!/&(?!amp;|lt;|gt;|quot;)/.test(attributes!));
  }
  assert.deepEqual(open, []);
  const text = svg.replace(/<\/?[a-z]+(?:\s+[\w:-]+="[^"<]*")*\s*\/?>/g, '');
  assert.ok(!/[<>]|&(?!amp;|lt;|gt;|quot;)/.test(text));
}
