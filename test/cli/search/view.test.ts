import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { finalistsLine, renderSearch, type SearchView } from '../../../src/cli/search/view.ts';
import { LiveBlock } from '../../../src/cli/terminal/live-block.ts';

const view: SearchView = {
  trials: 100,
  done: 24,
  failed: 1,
  best: { trial: 17, reward: 0.4321 },
  recentMean: 0.4,
  elapsed: 60,
  left: 218,
  running: [{ trial: 30, epoch: 1, epochs: 2, seconds: 3 }],
};

test('the display shows progress, rewards, children and the time left', () => {
  const [bar, rewards, child] = renderSearch(view, 120);
  assert.match(bar!, /█{6}░{18} {2}25\/100 cells, 1 failed {3}1 min elapsed, about 3 min 38 s left/);
  assert.match(rewards!, /best 43\.2% \(trial 17\) {3}mean of the latest 20 40\.0%/);
  assert.match(child!, /training 30: epoch 1 of 2, 3 s/);
});

test('with a ladder it shows the trainings of each rung, and the rungs of the best trial and of running children', () => {
  const climbing: SearchView = {
    ...view,
    best: { trial: 17, reward: 0.4321, rung: 1 },
    running: [{ trial: 30, rung: 2, epoch: 1, epochs: 9, seconds: 3 }],
    rungs: [
      { done: 24, open: 3 },
      { done: 7, open: 2 },
      { done: 1, open: 0 },
    ],
  };
  const [, best, rungs, child] = renderSearch(climbing, 120);
  assert.match(best!, /best 43\.2% \(trial 17, rung 1\)/);
  assert.equal(rungs, '  trained: 24 at rung 0, 7 at rung 1 (2 open), 1 at rung 2');
  assert.match(child!, /training 30, rung 2: epoch 1 of 9, 3 s/);
});

test('a race shows its runs and the time to its next comparison: 4 in 30 s, 6 left', () => {
  const race = { racing: [0, 2, 5], wanted: Array(6).fill({}), done: 14, doneHere: 4, elapsed: 30 };
  assert.equal(finalistsLine(race, 80), '  3 finalists racing, 14 of 20 runs   30 s elapsed, comparison in about 45 s');
  assert.equal(finalistsLine({ ...race, doneHere: 0 }, 80), '  3 finalists racing, 14 of 20 runs   30 s elapsed');
  assert.equal(finalistsLine(race, 20).length, 20);
});

test('no line is wider than the terminal', () => {
  for (const width of [20, 40, 80]) assert.ok(renderSearch(view, width).every((line) => line.length <= width));
});

test('without a terminal, only logged lines are printed', () => {
  const stream = new PassThrough() as unknown as NodeJS.WriteStream;
  const block = new LiveBlock(stream);
  block.draw(['a bar']);
  block.log('a line');
  assert.equal((stream as unknown as PassThrough).read().toString(), 'a line\n');
});

test('on a terminal, a new block replaces the old one and a logged line stays above it', () => {
  const stream = Object.assign(new PassThrough(), { isTTY: true, columns: 80 }) as unknown as NodeJS.WriteStream;
  const block = new LiveBlock(stream);
  block.draw(['one', 'two']);
  block.log('stays');
  block.draw(['three']);
  assert.equal(
    (stream as unknown as PassThrough).read().toString(),
    '\x1b[2Kone\n\x1b[2Ktwo\n\x1b[J\x1b[2A\x1b[Jstays\n\x1b[2Kthree\n\x1b[J',
  );
});
