// The data against the paper's tables as printed, the plots against their axes.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { parseHTML } from 'linkedom';
import { Failure } from '../../../src/failure.ts';
import { RandomStream } from '../../../src/random/stream.ts';
import { type OwnModel, writeFigure5 } from '../../../src/report/figures/cost.ts';
import { costChart } from '../../../src/report/figures/cost-chart.ts';
import { crosses, overlap, placeLabels } from '../../../src/report/figures/label-placement.ts';
import { ResultFiles } from '../../../src/result-files.ts';
import { temporaryFolder } from '../../data/temporary.ts';

const folder = temporaryFolder({ after });
const own: OwnModel = {
  name: 'mine, "the 2nd"',
  input: '96x128',
  parameters: 2_908_574,
  multiplyAdds: 292_961_760,
  top1: 0.701,
  source: 'as given',
};
writeFigure5(folder, [own], new ResultFiles({ of: 'a test' }));
const read = (name: string) => readFileSync(join(folder, name), 'utf8');

/** Parses CSV (RFC 4180): a field is quoted, with quotes doubled, or has neither comma nor quote. */
function parseCsv(text: string): Record<string, string>[] {
  const lines = text.split('\r\n').slice(0, -1);
  const fields = (line: string) =>
    [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^",]*))/g)].map(([, quoted, plain]) => {
      return quoted === undefined ? plain! : quoted.replaceAll('""', '"');
    });
  const [names, ...rows] = lines.map(fields);
  return rows.map((row) => Object.fromEntries(names!.map((name, column) => [name, row[column]!])));
}

const rows = parseCsv(read('figure-5.csv'));

/** Tables 2 and 3 of the paper as printed: model, side of the image, parameters, multiply-adds, top-1, top-5. */
const printed = `
Inception V2           224  11.2M  1.94B  74.8  92.2
NASNet-A (5 @ 1538)    299  10.9M  2.35B  78.6  94.2
Inception V3           299  23.8M  5.72B  78.8  94.4
Xception               299  22.8M  8.38B  79.0  94.5
Inception-ResNet V2    299  55.8M  13.2B  80.1  95.1
NASNet-A (7 @ 1920)    299  22.6M  4.93B  80.8  95.3
ResNeXt-101 (64 x 4d)  320  83.6M  31.5B  80.9  95.6
PolyNet                331  92M    34.7B  81.3  95.8
DPN-131                320  79.5M  32.0B  81.5  95.8
SENet                  320  145.8M 42.3B  82.7  96.2
NASNet-A (6 @ 4032)    331  88.9M  23.8B  82.7  96.2
Inception V1           224  6.6M   1448M  69.8  89.9
MobileNet-224          224  4.2M   569M   70.6  89.5
ShuffleNet (2x)        224  5M     524M   70.9  89.8
NASNet-A (4 @ 1056)    224  5.3M   564M   74.0  91.6
NASNet-B (4 @ 1536)    224  5.3M   488M   72.8  91.3
NASNet-C (3 @ 960)     224  4.9M   558M   72.5  91.0`;

test("the table has every row of the paper's Tables 2 and 3 with its source", () => {
  const count = (text: string) => Math.round(Number.parseFloat(text) * (text.endsWith('B') ? 1e9 : 1e6));
  const lines = printed.trim().split('\n');
  for (const line of lines) {
    const [model, input, parameters, multiplyAdds, top1, top5] = line.split(/ {2,}| (?=\d\d\.)/);
    const row = rows.find((each) => each.model === model);
    assert.ok(row, model);
    assert.deepEqual(
      [row.input, Number(row.parameters), Number(row.multiply_adds)],
      [input, count(parameters!), count(multiplyAdds!)],
      model,
    );
    assert.deepEqual(
      [row.top1, row.top5],
      [top1, top5].map((text) => String(Number(`${text}e-2`))),
      model,
    );
    assert.match(row.source!, /paper, Table [23]/);
  }
  const others = rows.filter(({ series, model }) => series !== 'own' && !printed.includes(model!));
  assert.deepEqual(others.map(({ model }) => model).sort(), ['Inception V4', 'ResNet-152']); // only in Figure 5
  for (const { source } of others) assert.match(source!, /drawn in Figure 5 without figures; .*: .*/);
});

test("the released graph's figures are next to the published ones, with a remark if they differ", () => {
  const graph = (model: string) => {
    const row = rows.find((each) => each.model === model)!;
    return [row.released_graph_parameters, row.released_graph_multiply_adds, / other figures /.test(row.source!)];
  };
  assert.deepEqual(graph('NASNet-A (4 @ 1056)'), ['5289978', '563638816', false]);
  assert.deepEqual(graph('NASNet-A (6 @ 4032)'), ['88753150', '23783414658', false]);
  assert.equal(graph('NASNet-A (7 @ 1920)')[2], true);
  assert.deepEqual(graph('NASNet-B (4 @ 1536)'), ['', '', false]); // no cell to plan
});

test('a model of the user is a row too, with any characters in its name', () => {
  assert.deepEqual(rows.at(-1), {
    series: 'own',
    model: 'mine, "the 2nd"',
    input: '96x128',
    parameters: '2908574',
    multiply_adds: '292961760',
    top1: '0.701',
    top5: '',
    released_graph_parameters: '',
    released_graph_multiply_adds: '',
    source: 'as given',
  });
});

interface Parsed {
  /** [model, pixels across, pixels down] */
  points: [string, number, number][];
  /** Returns the pixel of a value on an axis, computed from the axis's ticks. */
  x(value: number): number;
  y(value: number): number;
  line: [number, number][];
  texts: string[];
}

function parseChart(svg: string): Parsed {
  const { document } = parseHTML(`<html><body>${svg}</body></html>`);
  const numbers = (text: string) => [...text.matchAll(/-?[\d.]+(?:e-?\d+)?/g)].map(Number);
  const axis = (name: string, place: number) => {
    const ticks = [...document.querySelectorAll(`[aria-label="${name}-axis tick label"] text`)].map((text) => {
      return [Number(text.textContent), numbers(text.getAttribute('transform')!)[place]!] as const;
    });
    const [[value1, pixel1], [value2, pixel2]] = [ticks[0]!, ticks.at(-1)!];
    return (value: number) => pixel1 + ((value - value1) / (value2 - value1)) * (pixel2 - pixel1);
  };
  const symbols = [...document.querySelectorAll('[aria-label="dot"] [aria-label]')];
  return {
    points: symbols.map((symbol) => {
      const [across, down] = symbol.hasAttribute('cx')
        ? [Number(symbol.getAttribute('cx')), Number(symbol.getAttribute('cy'))]
        : (numbers(symbol.getAttribute('transform')!) as [number, number]);
      return [symbol.getAttribute('aria-label')!, across, down];
    }),
    x: axis('x', 0),
    y: axis('y', 1),
    line: [
      ...document
        .querySelector('[aria-label="line"] path')!
        .getAttribute('d')!
        .matchAll(/[ML]([^ML]+)/g),
    ].map(([, pair]) => numbers(pair!) as [number, number]),
    texts: [...document.querySelectorAll('[aria-label="text"] text')].map((text) => text.textContent!),
  };
}

for (const [file, column, unit] of [
  ['figure-5-multiply-adds.svg', 'multiply_adds', 1e9],
  ['figure-5-parameters.svg', 'parameters', 1e6],
] as const) {
  test(`${file} has every row where its figures are on the axes, and its name`, () => {
    const { points, x, y, texts } = parseChart(read(file));
    assert.equal(points.length, rows.length);
    for (const row of rows) {
      // the graph gives the published figures
      const exact = ['NASNet-A (4 @ 1056)', 'NASNet-A (6 @ 4032)'].includes(row.model!);
      const [, across, down] = points.find(([model]) => model === row.model)!;
      const cost = Number(exact ? row[`released_graph_${column}`] : row[column]);
      assert.ok(Math.abs(across - x(cost / unit)) < 0.01, row.model);
      assert.ok(Math.abs(down - y(100 * Number(row.top1))) < 0.01, row.model);
      assert.ok(texts.includes(row.model!), row.model);
    }
  });

  test(`the line of ${file} joins the four NASNet-A by their cost`, () => {
    const { points, line } = parseChart(read(file));
    const ends = ['4 @ 1056', '5 @ 1538', '7 @ 1920', '6 @ 4032'].map((size) => {
      return points.find(([model]) => model === `NASNet-A (${size})`)!.slice(1) as [number, number];
    });
    assert.equal(line.length, ends.length);
    line.forEach(([across, down], place) => {
      assert.ok(Math.hypot(across - ends[place]![0], down - ends[place]![1]) < 0.01, `point ${place}`);
    });
  });
}

test('no name of twenty random points covers another or a point, or leaves the frame', () => {
  const frame = { left: 60, top: 60, right: 736, bottom: 492 };
  for (let seed = 0; seed < 20; seed++) {
    const random = new RandomStream(seed);
    const points = Array.from({ length: 20 }, (_, index) => ({
      // half of them close together at the left
      x: index < 10 ? 62 + 60 * random.uniform() : 62 + 670 * random.uniform(),
      y: 70 + 400 * random.uniform(),
      radius: 4,
      width: 60 + 80 * random.uniform(),
      height: 13,
    }));
    const placed = placeLabels(points, frame, []);
    placed.forEach(({ box, leader }, index) => {
      assert.ok(
        box.left >= frame.left && box.right <= frame.right && box.top >= frame.top && box.bottom <= frame.bottom,
      );
      for (const other of placed.slice(index + 1)) assert.ok(!overlap(box, other.box), `seed ${seed}`);
      for (const { x, y } of points) assert.ok(!crosses([x - 3, y, x + 3, y], box), `seed ${seed}: a point is covered`);
      if (leader) assert.deepEqual(leader.slice(0, 2), [points[index]!.x, points[index]!.y]);
    });
    assert.deepEqual(placeLabels(points, frame, []), placed);
  }
});

test('a poor accuracy and a huge cost widen the axes', () => {
  const point = (name: string, cost: number, top1: number) => ({ name, series: 'own', cost, top1 }) as const;
  const nasnet = { name: 'NASNet-A', series: 'nasnet-a', cost: 5, top1: 0.74 } as const;
  const svg = costChart({ title: '', label: '', points: [point('poor', 0.2, 0.004), point('huge', 990, 1), nasnet] });
  for (const [, across, down] of parseChart(svg).points) {
    assert.ok(across >= 58 && across <= 736 && down >= 64 && down <= 492, `${across}, ${down}`);
  }
});

test('the white background is behind everything, including the axes', () => {
  const { document } = parseHTML(read('figure-5-parameters.svg'));
  const [first, ...others] = [...document.querySelectorAll('svg > :not(style)')];
  assert.deepEqual(
    ['x', 'y', 'width', 'height'].map((name) => Number(first!.getAttribute(name))),
    [0, 0, 760, 540],
  );
  assert.ok(others.some((element) => element.getAttribute('aria-label') === 'x-axis tick'));
});

test('a folder that cannot be created is an error of one sentence', () => {
  const file = join(folder, 'a file');
  writeFileSync(file, '');
  assert.throws(
    () => writeFigure5(join(file, 'figures'), [], new ResultFiles({ of: 'a test' })),
    (error: Error) =>
      error instanceof Failure && /a file\/figures: the folder could not be created/.test(error.message),
  );
});
