// `nasnet train` with what a final training needs: weights to begin with, several seeds, patience, skewed classes, the
// page and the document; and the best trial of a study by name.

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { parseHTML } from 'linkedom';
import sharp from 'sharp';
import { epochsOf } from '../../src/cli/training/training-files.ts';
import { readModelDescription } from '../../src/model/model-file.ts';
import { readSafetensors } from '../../src/nn/safetensors.ts';
import { RandomStream } from '../../src/random/stream.ts';
import { sampleDecisions } from '../../src/space/sample.ts';
import { settingsOf } from '../../src/study/presets.ts';
import { Study } from '../../src/study/study.ts';
import { temporaryFolder } from '../data/temporary.ts';
import { nasnets } from './run.ts';
import { start } from './running.ts';

const folder = temporaryFolder({ after });
const environment = { NASNET_CACHE: join(folder, 'cache') };
const [two, three] = [join(folder, 'two'), join(folder, 'three')];

async function paint(root: string, classes: Record<string, { red: number; images: number }>): Promise<void> {
  for (const [name, { red, images }] of Object.entries(classes)) {
    mkdirSync(join(root, name), { recursive: true });
    for (let index = 0; index < images; index++) {
      const background = { r: red, g: 8 * index, b: 90 };
      const picture = sharp({ create: { width: 16, height: 16, channels: 3, background } });
      await picture.png().toFile(join(root, name, `${index}.png`));
    }
  }
}

before(async () => {
  await paint(two, { dark: { red: 40, images: 15 }, light: { red: 200, images: 15 } });
  await paint(three, { black: { red: 0, images: 30 }, grey: { red: 120, images: 8 }, white: { red: 250, images: 9 } });
});

const weightsAt = (name: string) => join(folder, `${name}.safetensors`);
const small = ['--filters', '4', '--size', '16', '--batch-size', '8', '--threads', '1'];
const train = (name: string, ...words: string[]) => ['train', ...words, '--threads', '1', '-o', weightsAt(name)];
const run = (...lines: string[][]) => {
  const ended = nasnets(lines, environment);
  for (const { code, stderr } of ended) assert.equal(code, 0, stderr);
  return ended;
};
/** Kills a command when it has printed something, and returns the signal that ended it. */
async function killedAt(words: string[], printed: RegExp) {
  const running = start(words, environment);
  await running.prints(printed);
  running.process.kill('SIGKILL');
  await running.ended;
  return running.process.signalCode;
}
const recordOf = (name: string) => JSON.parse(readFileSync(join(folder, `${name}.training.json`), 'utf8'));
const tensorsOf = (name: string) => {
  const { tensors } = readSafetensors(weightsAt(name));
  return new Map(Object.entries(tensors).map(([key, each]) => [key, each.toBytes()]));
};

test('a training goes on from weights: other classes get a new head, the same keep theirs, and a frozen body stays as it was to the bit', () => {
  const first = train('first', 'nasnet-a:0', ...small, '--dataset', two, '--epochs', '2');
  const from = ['--from', weightsAt('first'), '--batch-size', '8'];
  const frozen = [...from, '--freeze-epochs', '1', '--epochs', '1'];
  const ended = run(
    first,
    train('other', ...frozen, '--dataset', three),
    train('same', ...frozen, '--dataset', two, '--learning-rate', '1e-30'),
    train(
      'moved',
      'nasnet-a:0',
      '--filters',
      '4',
      ...from,
      '--dataset',
      three,
      '--layer-rate-decay',
      '0.5',
      '--epochs',
      '1',
    ),
  );
  assert.match(ended[1]!.stderr, /Beginning with the weights of .*first\.safetensors .*with a new head for 3 classes/);
  assert.match(ended[2]!.stderr, /first\.safetensors .*its head too/);
  const [before, other, same, moved] = ['first', 'other', 'same', 'moved'].map(tensorsOf);
  for (const [name, bytes] of before!) {
    if (!name.startsWith('head.')) assert.deepEqual(other!.get(name), bytes, name);
    assert.deepEqual(same!.get(name), bytes, name);
  }
  assert.notDeepEqual(moved!.get('stem.convolution.weight'), before!.get('stem.convolution.weight'));
  const [source, tuned] = [weightsAt('first'), weightsAt('other')].map(readModelDescription);
  assert.deepEqual(tuned!.classes, ['black', 'grey', 'white']);
  const { mean, deviation } = source!.preprocessing;
  assert.deepEqual([tuned!.preprocessing.mean, tuned!.preprocessing.deviation], [mean, deviation]);
  const refused = nasnets(
    [
      train('no', 'nasnet-a:0', '--filters', '6', ...from, '--dataset', two),
      train('no', 'nasnet-a:0', ...small, '--freeze-epochs', '1', '--dataset', two),
      train('no', '--dataset', two),
    ],
    environment,
  );
  const words = [
    /expected the network that is trained, with stem\.convolution\.weight/,
    /--from with it/,
    /got neither/,
  ];
  refused.forEach(({ code, stderr }, index) => {
    assert.equal(code, 2);
    assert.match(stderr, words[index]!);
  });
});

test('skewed classes are named at the start, and their weights, the page and the document say the same figures', () => {
  const plain = ['nasnet-a:0', ...small, '--dataset', three, '--epochs', '3'];
  const [without, balanced, evaluated] = run(
    train('plain', ...plain),
    train('balanced', ...plain, '--balance', 'weights', '--patience', '2', '--json'),
    ['evaluate', weightsAt('balanced'), three, '--page', join(folder, 'evaluated.html'), '--json'],
  );
  assert.match(
    without!.stderr,
    /three: \d+ images of black, \d+ of grey \(\d\.\d to 1\): .*--balance weights: .*--balance sampling: /,
  );
  assert.match(balanced!.stderr, /an image counts as much more in the loss as its class is rarer/);
  const { weightsHash: _, ...record } = recordOf('balanced');
  assert.deepEqual(record, JSON.parse(balanced!.stdout));
  assert.equal(record.handedOver, 'best');
  assert.ok(existsSync(weightsAt('balanced.last')) && !existsSync(weightsAt('balanced.best')));
  assert.ok(existsSync(weightsAt('plain.best')));
  const { test: tested } = record;
  const evaluation = JSON.parse(evaluated!.stdout);
  for (const name of ['accuracy', 'balancedAccuracy', 'classAccuracies', 'classImages', 'confusions'])
    assert.deepEqual(evaluation[name], tested[name], name);
  const wrong = tested.confusions.reduce((sum: number, { images }: { images: number }) => sum + images, 0);
  assert.equal(Math.round(tested.images * (1 - tested.accuracy)), wrong);
  for (const { image, class: name } of tested.worst) assert.match(image, new RegExp(`^${name}/\\d+\\.png$`));
  for (const page of [join(folder, 'balanced.training.html'), join(folder, 'evaluated.html')]) {
    const { document } = parseHTML(readFileSync(page, 'utf8'));
    assert.equal(document.querySelectorAll('script, link, img').length, 0);
    assert.ok(document.body.textContent!.includes(`${(100 * tested.accuracy).toFixed(2)}%`));
    assert.equal(document.querySelectorAll('#curves svg').length, 3);
    for (const part of document.querySelectorAll('section')) assert.equal(part.getAttribute('tabindex'), '0');
  }
});

test('of several seeds, killed in the second, the first is not trained again, and all ends as without the kill', async () => {
  const words = ['nasnet-a:0', ...small, '--dataset', two, '--epochs', '3', '--seeds', '3', '--seed', '5'];
  run(train('whole', ...words));
  assert.equal(await killedAt(train('killed', ...words), /Seed 6, 2 of 3[\s\S]*epoch 1:/), 'SIGKILL');
  const [again] = run(train('killed', ...words));
  assert.match(again!.stderr, /Seed 5, 1 of 3\n.*trained before: validation accuracy/);
  assert.doesNotMatch(again!.stderr.split('Seed 6')[1]!, /trained before/);
  for (const end of ['', '.seed-5', '.seed-6', '.seed-7'])
    assert.deepEqual(readFileSync(weightsAt(`killed${end}`)), readFileSync(weightsAt(`whole${end}`)), end);
  const { seeds } = recordOf('killed');
  const accuracies: number[] = seeds.runs.map(({ testAccuracy }: { testAccuracy: number }) => testAccuracy);
  const mean = accuracies.reduce((sum, each) => sum + each, 0) / 3;
  const deviation = Math.sqrt(accuracies.reduce((sum, each) => sum + (each - mean) ** 2, 0) / 2);
  assert.ok(Math.abs(seeds.testAccuracy.mean - mean) < 1e-12);
  assert.ok(Math.abs(seeds.testAccuracy.halfWidth - (4.302652729911275 * deviation) / Math.sqrt(3)) < 1e-9);
  const held = (run: { validationAccuracy: number }) => run.validationAccuracy;
  const best = seeds.runs.find((each: { seed: number }) => each.seed === seeds.best);
  assert.equal(held(best), Math.max(...seeds.runs.map(held)));
  assert.deepEqual(readFileSync(weightsAt('killed')), readFileSync(best.weights));
  run(['evaluate', weightsAt('killed.seed-6'), two, '--page', join(folder, 'seed.html')]);
  assert.match(readFileSync(join(folder, 'seed.html'), 'utf8'), /Accuracy during training/);
  for (const end of ['', '.seed-6'])
    assert.deepEqual(
      epochsOf(weightsAt(`killed${end}`))?.map(({ epoch }) => epoch),
      [1, 2, 3],
    );
});

test('while a result cannot be written the checkpoint stays, and the training goes on from it', async () => {
  const words = train(
    'blocked',
    'nasnet-a:0',
    ...small,
    '--dataset',
    two,
    '--epochs',
    '4',
    '--checkpoint-every',
    '0.01s',
  );
  const page = join(folder, 'blocked.training.html');
  const running = start(words, environment);
  await running.prints(/epoch 1:/);
  mkdirSync(page);
  const { code } = await running.ended;
  assert.notEqual(code, 0);
  const checkpoint = `${weightsAt('blocked')}.checkpoint`;
  assert.ok(existsSync(checkpoint));
  rmdirSync(page);
  const [again] = run(words);
  assert.match(again!.stderr, /Resuming from .*blocked\.safetensors\.checkpoint/);
  assert.equal(existsSync(checkpoint), false);
  assert.ok(existsSync(page));
});

test('a damaged checkpoint, and one of other images, are named and not used', async () => {
  const photos = join(folder, 'changing');
  await paint(photos, { dark: { red: 40, images: 40 }, light: { red: 200, images: 40 } });
  const words = train(
    'changed',
    'nasnet-a:0',
    ...small,
    '--dataset',
    photos,
    '--epochs',
    '6',
    '--checkpoint-every',
    '0.01s',
  );
  const checkpoint = `${weightsAt('changed')}.checkpoint`;
  await killedAt(words, /epoch 4:/);
  const bytes = readFileSync(checkpoint);
  writeFileSync(checkpoint, bytes.subarray(0, bytes.length / 2));
  const [damaged] = run(words);
  assert.match(damaged!.stderr, /The checkpoint is not used: .*changed\.safetensors\.checkpoint/);
  await killedAt(words, /epoch 4:/);
  for (let index = 10; index < 40; index++)
    for (const name of ['dark', 'light']) rmSync(join(photos, name, `${index}.png`));
  const [other] = run(words);
  assert.match(other!.stderr, /The checkpoint is not used: .*expected this training, got another one's/);
  assert.ok(recordOf('changed').epochs.at(-1).epoch === 6 && recordOf('changed').epochs.length === 6);
});

test('another training replaces neither the checkpoint of a killed one nor that of one that runs', async () => {
  const often = ['--grow', '0.5:0.5', '--checkpoint-every', '0.01s']; // half of the epochs are never the best one
  const words = (epochs: number, ...more: string[]) =>
    train('kept', 'nasnet-a:0', ...small, '--dataset', two, ...often, '--epochs', `${epochs}`, ...more);
  const refused = async (other: string[], code: number, message: RegExp) => {
    const checkpoint = readFileSync(`${weightsAt('kept')}.checkpoint`);
    const { code: ended, stderr } = await start(other, environment).ended;
    assert.match(stderr, message);
    assert.equal(ended, code);
    return { isKept: checkpoint.equals(readFileSync(`${weightsAt('kept')}.checkpoint`)) };
  };
  await killedAt(words(30), /epoch 2:/);
  assert.ok(!existsSync(weightsAt('kept.best')), 'nothing else protects it');
  const exists =
    /kept\.safetensors\.checkpoint: exists already, written by train with other settings; name another place, or replace it with --overwrite\n$/;
  assert.ok((await refused(words(29), 2, exists)).isKept);
  rmSync(join(folder, '.nasnet-results.json')); // as earlier versions left it
  assert.ok((await refused(words(29), 2, /kept\.safetensors\.checkpoint: exists already/)).isKept);

  const first = start(words(30), environment);
  await first.prints(/Resuming from .*kept/);
  first.process.kill('SIGSTOP');
  for (const other of [words(30), words(29, '--overwrite')])
    await refused(
      other,
      1,
      /kept\.safetensors: expected an output of this process alone, got one that another process/,
    );
  first.process.kill('SIGKILL');
  await first.ended;
  const [again] = run(words(30));
  assert.match(again!.stderr, /Resuming from .*kept/);
  assert.equal(recordOf('kept').epochs.length, 30);
});

test('without a MODEL no flag names another network than that of the weights', () => {
  run(train('own', 'nasnet-a:0', ...small, '--dataset', two, '--epochs', '1'));
  const from = ['--from', weightsAt('own'), '--dataset', two, '--epochs', '1'];
  const refused = nasnets(
    [train('none', ...from, '--filters', '8'), train('none', ...from, '--layout', 'imagenet')],
    environment,
  );
  for (const [index, flag] of ['--filters', '--layout'].entries()) {
    assert.equal(refused[index]!.code, 2);
    assert.match(refused[index]!.stderr, new RegExp(`${flag}: expected a MODEL with it`));
  }
});

test('weights are not trained from where they would be replaced, which is said before they and the images are read', () => {
  const place = join(folder, 'place');
  mkdirSync(place);
  const [network, best, second] = ['network.safetensors', 'tuned.best.safetensors', 'tuned.seed-2.safetensors'];
  for (const each of [network, best, second]) writeFileSync(join(place, each), 'no weights');
  const refused: [from: string, words: string[], got: string][] = [
    [network, [], network],
    [network, ['-o', join(place, network)], join(place, network)],
    [best, ['-o', 'tuned.safetensors'], best],
    [second, ['-o', 'tuned.safetensors', '--seeds', '2'], second],
  ];
  const trainFrom = (from: string, ...words: string[]) => ['train', '--from', from, '--dataset', 'none', ...words];
  const lines = refused.map(([from, words]) => trainFrom(from, ...words));
  const [other, help, ...ended] = nasnets(
    [trainFrom(network, '-o', 'tuned.safetensors'), ['train', '--help'], ...lines],
    environment,
    place,
  );
  for (const [index, [from, , got]] of refused.entries()) {
    const sentence = `nasnet: -o: expected another file than ${from}, with which the training begins, such as -o tuned.safetensors, got ${got}\n`;
    assert.deepEqual(ended[index], { code: 2, stdout: '', stderr: sentence });
  }
  assert.match(other!.stderr, /^nasnet: network\.safetensors: /);
  const examples = help!.stdout.split('\n').filter((line) => line.includes(`--from ${network}`));
  assert.equal(examples.length, 1);
  assert.match(examples[0]!, / -o (?!network\.safetensors)/);
});

test('a trial that is trained for a time has the side of its study’s images', () => {
  const path = join(folder, 'sides.db');
  {
    using study = Study.create(path, settingsOf('smoke', { dataset: two, seed: 1, trials: 1, size: 24 }));
    study.log.ask(0, sampleDecisions(new RandomStream(1)));
    study.log.start(0);
    study.log.finish(0, { reward: 0.5, seconds: 1 });
  }
  const [planned] = run(train('sides', 'best-of', path, '--minutes', '2', '--batch-size', '8', '--dry-run'));
  assert.match(planned!.stderr, /Trains N = \d, F = \d+, 24 × 24 pixels/);
});

test('best-of STUDY and STUDY#best name the cell that the report calls the best, with the size of the final network', () => {
  const path = join(folder, 'study.db');
  {
    using study = Study.create(path, settingsOf('smoke', { dataset: two, seed: 1, strategy: 'random', trials: 3 }));
    for (const [number, reward] of [0.25, 0.5, 0.375].entries()) {
      study.log.ask(number, sampleDecisions(new RandomStream(number)));
      study.log.start(number);
      study.log.finish(number, { reward, seconds: 1 });
    }
  }
  const out = (name: string) => join(folder, 'drawn', name);
  const draw = (name: string, ...model: string[]) => ['draw', ...model, '--title', 'x', '-o', out(name)];
  const profile = (...model: string[]) => ['profile', ...model, '--json'];
  const ended = run(
    ['report', path, '-o', join(folder, 'report')],
    draw('best.svg', 'best-of', path),
    draw('hash.svg', `${path}#best`),
    draw('one.svg', `${path}#1`),
    profile('best-of', path),
    profile(`${path}#best`),
    profile(`${path}#1`),
    ['export', 'best-of', path, '-o', out('best.json')],
    train('best', 'best-of', path, '--filters', '4', '--epochs', '0.5', '--batch-size', '8', '--size', '16'),
  );
  const drawn = ['best.svg', 'hash.svg', 'one.svg'].map((name) => readFileSync(out(name), 'utf8'));
  assert.deepEqual(drawn, [drawn[2], drawn[2], drawn[2]]);
  const profiles = ended.slice(4, 7).map(({ stdout }) => ({ ...JSON.parse(stdout), model: undefined }));
  assert.deepEqual(profiles, [profiles[2], profiles[2], profiles[2]]);
  const named = JSON.parse(readFileSync(join(folder, 'report', 'best.json'), 'utf8'));
  assert.deepEqual(
    readModelDescription(weightsAt('best')).architecture.normal.blocks.length,
    named.normal.blocks.length,
  );
  assert.match(ended[8]!.stderr, /The best trial of .*study\.db is 1\n/);
  const [missing] = nasnets([['evaluate', 'best-of', path, two]], environment);
  assert.equal(missing!.code, 2);
  assert.match(missing!.stderr, /study\.db#1: expected a trained network, got none yet: ".* train .*#1.*" trains one/);
});
