// `nasnet profile` and `nasnet draw` as a user runs them.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { after, test } from 'node:test';
import { writeModel } from '../../../src/model/model-file.ts';
import { planNetwork } from '../../../src/plan/plan.ts';
import { RandomStream } from '../../../src/random/stream.ts';
import { decode } from '../../../src/space/decisions.ts';
import { printArchitecture } from '../../../src/space/print.ts';
import { nasnetA } from '../../../src/space/published.ts';
import { sampleDecisions } from '../../../src/space/sample.ts';
import { settingsOf } from '../../../src/study/presets.ts';
import { Study } from '../../../src/study/study.ts';
import { temporaryFolder } from '../../data/temporary.ts';
import { tiny } from '../../latency/tiny.ts';

const source = resolve(import.meta.dirname, '../../../src');
const folder = temporaryFolder({ after });

function nasnet(...words: string[]) {
  const script = `process.exitCode = await (await import(${JSON.stringify(join(source, 'cli/main.ts'))})).main(process.argv.slice(1))`;
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script, ...words], {
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

const architecture = decode(sampleDecisions(new RandomStream(3)));
const file = join(folder, 'cell.json');
writeFileSync(file, printArchitecture(architecture));

const studyFile = join(folder, 'study.db');
const decisions = [1, 2].map((seed) => sampleDecisions(new RandomStream(seed)));
const study = Study.create(studyFile, settingsOf('smoke', { dataset: 'cifar10', seed: 1, strategy: 'random' }));
for (const [number, trial] of decisions.entries()) {
  study.log.ask(number, trial);
  study.log.start(number);
  study.log.finish(number, { reward: [0.7, 0.5][number]!, seconds: 1 });
}
study.close();

const weights = join(folder, 'tiny.safetensors');
{
  const { network, description } = tiny();
  writeModel(weights, network, description);
}

test('profile --json prints the four published figures of NASNet-A 6@768 and its endpoints', () => {
  const { status, stdout, stderr } = nasnet('profile', 'nasnet-a:6@768', '--layout', 'cifar', '--json');
  assert.deepEqual([status, stderr], [0, '']);
  const { endpoints, training, ...figures } = JSON.parse(stdout);
  assert.deepEqual(figures, {
    trainableParameters: 3_346_538,
    totalParameters: 3_383_786,
    multiplyAdds: 544_333_312,
    auxiliaryParameters: 1_631_498,
  });
  assert.equal(endpoints.length, 22);
  const kept = endpoints.reduce((sum: number, { shape }: { shape: number[] }) => {
    return sum + shape.reduce((product, side) => product * side, 1);
  }, 0);
  assert.equal(training.batch, 64);
  assert.ok(training.memoryBytes > 64 * 4 * kept, 'training keeps at least what each cell hands on');
  assert.ok(training.millisecondsPerImage > 0);
  assert.deepEqual(endpoints[13], { name: 'Cell_11', shape: [16, 16, 384] });
});

/**
 * Returns the name and shape of each endpoint of a released ImageNet network, by its sides and F
 * (nets/nasnet/nasnet_test.py).
 */
function imagenetEndpoints(cells: number, filters: number, sides: number[]): [string, number[]][] {
  const shape = (stage: number, channels: number) => [sides[stage]!, sides[stage]!, channels];
  const normal = (stage: number): [string, number[]][] =>
    Array.from({ length: cells }, (_, index) => {
      return [`Cell_${stage * cells + index}`, shape(stage + 1, 6 * filters * 2 ** stage)];
    });
  return [
    ['Cell_Stem_0', shape(0, filters)],
    ['Cell_Stem_1', shape(1, 2 * filters)],
    ['Stem', shape(1, 2 * filters)], // the same under its released name
    ...normal(0),
    ['Reduction_Cell_0', shape(2, 8 * filters)],
    ...normal(1),
    ['Reduction_Cell_1', shape(3, 16 * filters)],
    ...normal(2),
    ['global_pool', [1, 1, 24 * filters]],
  ];
}

test('profile of the released networks by name has the published sizes and endpoints', () => {
  const profiled = (name: string) => {
    const { status, stdout, stderr } = nasnet('profile', name, '--json');
    assert.deepEqual([status, stderr], [0, '']);
    const { endpoints, training: _, ...figures } = JSON.parse(stdout);
    const shapes = endpoints.map((end: { name: string; shape: number[] }) => [end.name, end.shape]);
    return { figures, shapes };
  };
  const mobile = profiled('nasnet-a:mobile');
  assert.deepEqual(mobile.figures, {
    trainableParameters: 5_289_978,
    totalParameters: 5_326_716,
    multiplyAdds: 563_638_816,
    auxiliaryParameters: 2_411_240,
  });
  assert.deepEqual(mobile.shapes, imagenetEndpoints(4, 44, [56, 28, 14, 7]));
  const large = profiled('nasnet-a:large');
  assert.deepEqual(large.figures, {
    trainableParameters: 88_753_150,
    totalParameters: 88_949_818,
    multiplyAdds: 23_783_414_658,
    auxiliaryParameters: 4_567_784,
  });
  assert.deepEqual(large.shapes, imagenetEndpoints(6, 168, [83, 42, 21, 11]));
  assert.deepEqual(profiled('nasnet-a:cifar'), profiled('nasnet-a:6@768'));
});

test('flags replace the layout around the cells', () => {
  const figures = (...words: string[]) => JSON.parse(nasnet('profile', ...words, '--json').stdout).trainableParameters;
  const mobile = figures('nasnet-a:mobile');
  assert.equal(figures('nasnet-a:4', '--filters', '44', '--layout', 'imagenet', '--no-skip-reduction-input'), mobile);
  assert.equal(figures('nasnet-a:mobile', '--classes', '1001') - mobile, 1056 + 1); // one more row of the classifier
  // 64 more channels: the stem's convolution and norm; the first stem cell's 1×1 from them to 11 and, as the raw stem
  // is its previous input, the first halves of its two 7×7 and one 5×5; the second's two 1×1 from them to 11 each.
  const wider = 64 * (27 + 2 + 11 + 2 * (49 + 11) + (25 + 11) + 22);
  assert.equal(figures('nasnet-a:mobile', '--stem-channels', '96') - mobile, wider);
  // The cell before a reduction's input is as large as that input: the choice between them changes no figure.
  assert.equal(figures('nasnet-a:mobile', '--skip-reduction-input'), mobile);
});

test('profile --family compares the published networks with the released graph and names those that differ', () => {
  const { family } = JSON.parse(nasnet('profile', '--family', '--json').stdout);
  const of = (cells: number, penultimate: number) => {
    return family.find((row: Record<string, number>) => row.cells === cells && row.penultimate === penultimate);
  };
  assert.deepEqual([of(4, 1056).parameters, of(4, 1056).ours.trainableParameters], [5.3e6, 5_289_978]);
  const text = nasnet('profile', '--family').stdout;
  assert.match(text, /^nasnet-a 6 @ 4032 +331 +88\.9 M +23\.8 B +88,753,150 +23,783,414,658 +yes +top-1 82\.7%/m);
  assert.match(text, /^nasnet-a 7 @ 1920 .* no /m);
  assert.match(text, /^3 of the 10 published rows agree/m);
  for (const name of ['a 7 @ 2304', 'a 5 @ 1538', 'a 7 @ 1920']) {
    assert.ok(text.includes(`  nasnet-${name}: not what the released graph gives`), name);
  }
  assert.match(text, /nasnet-b 4 @ 1536: its cell is published only as a picture/);
});

test('profile of a file of weights describes its network, at its own size or another', () => {
  const { stdout } = nasnet('profile', weights);
  assert.match(stdout, /no auxiliary head: the file has none/);
  const plan = planNetwork(nasnetA, { cells: 0, filters: 2, input: 8, classes: 2 });
  assert.ok(stdout.includes(`${plan.multiplyAdds.toLocaleString('en-US')} multiply-adds`));
  const { endpoints } = JSON.parse(nasnet('profile', weights, '--input', '16x12', '--json').stdout);
  assert.deepEqual(endpoints[0], { name: 'Stem', shape: [16, 12, 6] });
});

test('profile --measure adds the times of every runtime and batch to the figures', () => {
  const limits = ['--batch', '1,2', '--threads', '1', '--seconds', '3'];
  const { status, stdout } = nasnet('profile', weights, '--measure', ...limits, '--json');
  assert.equal(status, 0);
  const { latency, machine, multiplyAdds } = JSON.parse(stdout);
  assert.equal(machine.threads, 1);
  assert.ok(multiplyAdds > 0);
  assert.deepEqual(
    latency.map(({ runtime, batch }: Record<string, unknown>) => [runtime, batch]),
    [
      ['nasnet', 1],
      ['nasnet', 2],
      ['onnxruntime', 1],
      ['onnxruntime', 2],
    ],
  );
  for (const { milliseconds } of latency) assert.ok(milliseconds.median > 0 && milliseconds.runs >= 1);
});

test('profile --measure without --json prints a line for each, with random weights if the model has none', () => {
  const words = [
    'nasnet-a:0',
    '--filters',
    '2',
    '--layout',
    'cifar',
    '--input',
    '8',
    '--batch',
    '1',
    '--runtime',
    'nasnet',
  ];
  const { stdout } = nasnet('profile', ...words, '--measure', '--threads', '1', '--seconds', '2', '--seed', '7');
  assert.match(stdout, /^nasnet-a:0 at 8 × 8 pixels: [\d,]+ multiply-adds/m);
  assert.match(stdout, /one thread; weights: random, of seed 7$/m);
  assert.match(stdout, /^nasnet +cpu +1 +[\d.]+ +[\d.]+ +[\d.]+–[\d.]+ +[\d.,]+ +[\d.]+ +\d+$/m);
});

test('profile without --json prints a row for each part, whose parameters and multiply-adds sum to the totals', () => {
  const { status, stdout } = nasnet(
    'profile',
    `${file}:1`,
    '--filters',
    '6',
    '--layout',
    'cifar',
    '--input',
    '20x24',
    '--classes',
    '7',
  );
  assert.equal(status, 0);
  const rows = stdout
    .split('\n\n')[0]!
    .split('\n')
    .slice(1)
    .filter((row) => !row.startsWith('Auxiliary'));
  const column = (index: number) =>
    rows.reduce((sum, row) => sum + Number(row.split(/ {3,}/)[index]!.replaceAll(',', '')), 0);
  const plan = planNetwork(architecture, { cells: 1, filters: 6, input: [20, 24], classes: 7 });
  assert.deepEqual([column(2), column(3)], [plan.trainableParameters, plan.multiplyAdds]);
  assert.ok(stdout.includes(`${plan.trainableParameters.toLocaleString('en-US')} trainable parameters`));
});

test('an image too small for the auxiliary head is profiled without one', () => {
  const { status, stdout } = nasnet('profile', 'nasnet-a:1', '--filters', '4', '--layout', 'cifar', '--input', '8');
  assert.equal(status, 0);
  assert.match(stdout, /no auxiliary head: the image is too small for one/);
});

test('bad input is one sentence on stderr and exit code 2', () => {
  const refused = (words: string[], sentence: RegExp) => {
    const { status, stdout, stderr } = nasnet(...words);
    assert.deepEqual([status, stdout], [2, ''], words.join(' '));
    assert.match(stderr, sentence);
    assert.equal(stderr.trim().split('\n').length, 1);
  };
  refused(['profile', 'nasnet-a:6@770'], /a multiple of 24 for this cell, got 770; nearest: 768 and 792$/m);
  refused(['profile', 'nasnet-a:4@1056', '--layout', 'coco'], /--layout.*cifar.*imagenet|cifar, imagenet/);
  refused(['profile'], /expected a MODEL such as nasnet-a:mobile, or --family$/m);
  refused(
    ['profile', 'nasnet-a:mobile', '--family'],
    /--family: expected nothing but --json with it, got nasnet-a:mobile$/m,
  );
  refused(['profile', '--family', '--stem-channels', '4'], /with it, got --stem-channels$/m);
  refused(['profile', 'nasnet-a:mobile', '--batch', '4'], /--batch: expected --measure with it$/m);
  refused(['profile', 'nasnet-a:mobile', '--measure', '--batch', '1,none'], /--batch: expected a whole number/);
  refused(['profile', 'nasnet-a:2@96', '--measure', '--runtime', 'tensorrt'], /--runtime: expected nasnet or onnx/);
  refused(['profile', weights, '--measure', '--seed', '3'], /--seed: expected no such flag with .*tiny/);
  refused(['profile', weights, '--classes', '5'], /--classes: expected no such flag with .*tiny\.safetensors/);
  refused(['profile', join(folder, 'none.safetensors')], /none\.safetensors: expected a safetensors file, got no such/);
  refused(['profile', 'nasnet-a:6@768', '--input', '0'], /--input: expected a size in pixels/);
  refused(
    ['profile', `${join(folder, 'none.json')}:2@96`],
    /none\.json: expected an architecture file, got no such file$/m,
  );
  refused(['draw', 'nasnet-z', '-o', join(folder, 'z.svg')], /expected a named one \(quick, nasnet-a\)/);
  refused(
    ['draw', join(folder, 'none.db'), '-o', join(folder, 'z.svg')],
    /none\.db: expected a study, got no such file$/m,
  );
  refused(['draw', `${studyFile}#2`, '-o', join(folder, 'z.svg')], /#2: expected a trial from 0 to 1, got 2$/m);
  writeFileSync(join(folder, 'bad.json'), printArchitecture(nasnetA).replace('"inputs": [2, 0]', '"inputs": [7, 0]'));
  refused(
    ['draw', join(folder, 'bad.json'), '-o', join(folder, 'z.svg')],
    /bad\.json: reduction\.blocks\[4\]\.inputs\[0\]: expected a hidden state from 0 to 5, got 7$/m,
  );
});

test('draw writes published cells, files, a trial and the best trial of a study', () => {
  const output = join(folder, 'cell.svg');
  const drawn = (name: string) => {
    assert.deepEqual(nasnet('draw', name, '-o', output, '--overwrite'), { status: 0, stdout: '', stderr: '' });
    return readFileSync(output, 'utf8');
  };
  assert.match(drawn('nasnet-a'), /<title>NASNet-A<\/title>/);
  assert.match(drawn(file), /<title>cell\.json<\/title>/);
  const trial = (svg: string) => svg.match(/<desc>(.*)<\/desc>/)![1];
  const [first, second] = [drawn(`${studyFile}#0`), drawn(`${studyFile}#1`)];
  assert.notEqual(trial(first), trial(second));
  assert.equal(trial(drawn(studyFile)), trial(first)); // reward 0.7 against 0.5
  assert.equal(nasnet('draw', 'nasnet-a', '-o', '-').stdout, drawn('nasnet-a'));
});

test('profile loads neither engine nor SQLite for a published cell', () => {
  const seen = new Set<string>();
  const visit = (name: string) => {
    if (seen.has(name)) return;
    seen.add(name);
    const imports = readFileSync(name, 'utf8').matchAll(/^import (?!type).*?from '(\.[^']+)';/gms);
    for (const [, specifier] of imports) visit(resolve(dirname(name), specifier!));
  };
  visit(join(source, 'cli/profile/profile.ts'));
  const places = [...seen].map((name) => name.slice(source.length + 1).split('/'));
  const folders = new Set(places.filter(({ length }) => length > 1).map(([folder]) => folder));
  assert.deepEqual([...folders].sort(), ['cli', 'forecast', 'plan', 'space']);
});
