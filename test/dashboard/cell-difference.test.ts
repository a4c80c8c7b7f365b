import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareCells } from '../../src/dashboard/page/cell-difference.ts';
import { RandomStream } from '../../src/random/stream.ts';
import type { Block, Cell } from '../../src/space/architecture.ts';
import { canonicalCell } from '../../src/space/canonical.ts';
import { decode } from '../../src/space/decisions.ts';
import { nasnetA } from '../../src/space/published.ts';
import { sampleDecisions } from '../../src/space/sample.ts';

const withBlock = (cell: Cell, at: number, change: Partial<Block>): Cell => ({
  ...cell,
  blocks: cell.blocks.map((block, index) => (index === at ? { ...block, ...change } : block)),
});

test('a cell does not differ from itself', () => {
  const { marked, lines } = compareCells(nasnetA.normal, nasnetA.normal);
  assert.deepEqual([...marked[0], ...marked[1], ...lines], []);
});

test('a cell does not differ from the same network with other numbers and swapped halves', () => {
  for (let seed = 0; seed < 40; seed++) {
    const { normal } = decode(sampleDecisions(new RandomStream(seed)));
    const same = canonicalCell(normal);
    if (same.blocks.length < normal.blocks.length) continue; // blocks that nothing reads are left out there
    assert.deepEqual(compareCells(normal, same).lines, [], `seed ${seed}`);
  }
});

test('one changed operation is marked in both cells, and nothing else', () => {
  const { normal } = nasnetA;
  const [first, second] = normal.blocks[0]!.operations;
  const other = withBlock(normal, 0, {
    operations: [first === 'max_pool_7x7' ? 'max_pool_5x5' : 'max_pool_7x7', second],
  });
  const { marked, lines } = compareCells(normal, other);
  assert.deepEqual([...marked[0]], ['operation-2-0']);
  assert.deepEqual([...marked[1]], ['operation-2-0']);
  assert.equal(lines.length, 1);
  assert.match(lines[0]!, /^block 1: .* → .*max 7×7/);
});

test('another combiner marks the combiner', () => {
  const { normal } = nasnetA;
  const { marked } = compareCells(normal, withBlock(normal, 2, { combine: 'concat' }));
  assert.deepEqual([...marked[0]], ['state-4']);
});
