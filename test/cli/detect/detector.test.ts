// A detector from the command line: trained, killed and resumed, evaluated, run and exported.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { readSafetensors, writeSafetensors } from '../../../src/nn/safetensors.ts';
import { temporaryFolder } from '../../data/temporary.ts';
import { makeShapes, writeCoco } from '../../detect/shapes.ts';
import { nasnet, nodeArguments } from '../run.ts';

async function shapesIn(folder: string): Promise<string> {
  const data = join(folder, 'shapes');
  mkdirSync(join(data, 'annotations'), { recursive: true });
  for (const [part, seed] of [
    ['train', 1],
    ['val', 2],
  ] as const) {
    const dataset = await makeShapes(join(data, part), { count: 4, seed, side: 64, most: 2 });
    writeCoco(join(data, 'annotations', `instances_${part}.json`), dataset);
  }
  return data;
}

const small = ['nasnet-a:1', '--filters', '4', '--size', '64', '--channels', '16', '--hidden', '32'];
const words = (data: string, output: string) => [
  ...['detect', 'train', ...small, '--proposals', '16', '--dataset', data, '--epochs', '3', '--batch-size', '2'],
  ...['--optimizer', 'adam', '--learning-rate', '0.002', '-o', output, '--threads', '1'],
];
const hashOf = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex');

/** Returns the document of detect run with the true boxes in place of those that it found. */
function withTruth(path: string, truth: string) {
  const document = JSON.parse(readFileSync(path, 'utf8')) as { pictures: { file: string }[] };
  const { images, annotations, categories } = JSON.parse(readFileSync(truth, 'utf8')) as {
    images: { id: number; file_name: string }[];
    annotations: { image_id: number; category_id: number; bbox: number[] }[];
    categories: { id: number; name: string }[];
  };
  const pictures = document.pictures.map((picture) => {
    const { id } = images.find(({ file_name }) => file_name === basename(picture.file))!;
    const own = annotations.filter(({ image_id }) => image_id === id);
    const nameOf = (category: number) => categories.find((each) => each.id === category)!.name;
    return { ...picture, objects: own.map((each) => ({ ...each, category: nameOf(each.category_id), score: 0.9 })) };
  });
  return { ...document, pictures };
}

test('a detector is trained, evaluated, run and exported', async (context) => {
  const folder = temporaryFolder(context);
  const data = await shapesIn(folder);
  const model = join(folder, 'detector.safetensors');
  const trained = nasnet([...words(data, model), '--json']);
  assert.equal(trained.code, 0, trained.stderr);
  const summary = JSON.parse(trained.stdout);
  assert.equal(summary.epochs.length, 3);
  assert.equal(summary.evaluatedOn, 'test pictures');
  assert.match(trained.stderr, /Memory: at most .* predicted/);
  assert.match(readFileSync(summary.page, 'utf8'), /AP of each category/);

  const evaluated = nasnet(['detect', 'evaluate', model, '--dataset', data, '--json']);
  assert.equal(evaluated.code, 0, evaluated.stderr);
  assert.equal(JSON.parse(evaluated.stdout).AP, summary.numbers.AP);

  const output = join(folder, 'found');
  const picture = join(data, 'val', '00000.png');
  const run = nasnet(['detect', 'run', model, picture, '-o', output, '--least-score', '0', '--json']);
  assert.equal(run.code, 0, run.stderr);
  const { pictures } = JSON.parse(run.stdout);
  assert.equal(pictures[0].file, picture);
  const drawing = readFileSync(join(output, '00000.svg'), 'utf8');
  assert.equal(drawing.match(/<text /g)?.length ?? 0, pictures[0].objects.length);
  assert.match(drawing, /viewBox="0 0 64 64"/);
  assert.deepEqual(JSON.parse(readFileSync(join(output, 'detections.json'), 'utf8')).pictures, pictures);

  const all = join(folder, 'all');
  const everything = nasnet(['detect', 'run', model, join(data, 'val'), '-o', all, '--least-score', '0.05']);
  assert.equal(everything.code, 0, everything.stderr);
  const list = join(all, 'detections.json');
  const perfect = join(folder, 'perfect.json');
  writeFileSync(perfect, JSON.stringify(withTruth(list, join(data, 'annotations', 'instances_val.json'))));
  const truths = [join(data, 'annotations', 'instances_val.json'), data];
  for (const format of ['voc', 'yolo']) {
    const to = join(folder, format);
    assert.equal(nasnet(['convert', data, to, '--format', format]).code, 0);
    truths.push(to);
  }
  for (const truth of truths) {
    const words = ['detect', 'evaluate', '--ground-truth', truth, '--part', 'val', '--json', '--detections'];
    const [found, best] = [list, perfect].map((path) => nasnet([...words, path]));
    assert.equal(found!.code, 0, found!.stderr);
    assert.ok(Math.abs(JSON.parse(found!.stdout).AP - summary.numbers.AP) < 1e-9, truth);
    assert.ok(JSON.parse(best!.stdout).AP > 0.999, truth);
  }

  const onnx = join(folder, 'detector.onnx');
  const exported = nasnet([
    'detect',
    'export',
    model,
    '-o',
    onnx,
    '--least-score',
    '0.2',
    '--verify-with',
    picture,
    '--json',
  ]);
  assert.equal(exported.code, 0, exported.stderr);
  assert.equal(JSON.parse(exported.stdout).comparison.pictures, 3);
  assert.ok(existsSync(onnx));

  const page = join(folder, 'page.html');
  const written = nasnet(['detect', 'export', model, '-o', page, '--images', join(data, 'val'), '--json']);
  assert.equal(written.code, 0, written.stderr);
  assert.equal(JSON.parse(written.stdout).comparison.pictures, 2 + 4);
  assert.match(readFileSync(page, 'utf8'), /<script type="text\/plain" id="model">.*"name":"00000\.png"/s);
});

test('a training that is killed goes on to the same bits', async (context) => {
  const folder = temporaryFolder(context);
  const data = await shapesIn(folder);
  const [through, killed] = ['through', 'killed'].map((name) => join(folder, `${name}.safetensors`)) as [
    string,
    string,
  ];
  assert.equal(nasnet(words(data, through)).code, 0);
  const child = spawn(process.execPath, nodeArguments([...words(data, killed), '--checkpoint-seconds', '0']), {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  await new Promise<void>((done) => {
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      if (text.includes('epoch 2')) done(); // whose last step may not be saved yet
    });
    child.on('exit', () => done());
  });
  child.kill('SIGKILL');
  await new Promise((done) => child.once('close', done));
  assert.equal(existsSync(killed), false);
  assert.ok(existsSync(`${killed}.checkpoint`));
  const other = nasnet([...words(data, killed), '--seed', '2']);
  assert.match(other.stderr, /killed\.safetensors\.checkpoint: exists already, written by detect train/);
  assert.equal(other.code, 2);
  const { tensors, metadata } = readSafetensors(`${killed}.checkpoint`);
  writeSafetensors(`${killed}.checkpoint`, tensors, { ...metadata, trainedSeconds: '90000' });
  const resumed = nasnet([...words(data, killed), '--json']);
  assert.equal(resumed.code, 0, resumed.stderr);
  assert.match(resumed.stderr, /Resuming from/);
  assert.match(resumed.stderr, /^Goes on after [12](\.5)? of 3 epochs$/m);
  assert.doesNotMatch(resumed.stderr, /^epoch 1:/m);
  assert.equal(Math.floor(JSON.parse(resumed.stdout).seconds / 3600), 25, 'with the time before its checkpoint');
  assert.equal(hashOf(killed), hashOf(through));
});

test('what does not fit together is refused in a sentence', async (context) => {
  const folder = temporaryFolder(context);
  const data = await shapesIn(folder);
  const refused = (list: string[], sentence: RegExp) => {
    const { code, stderr } = nasnet(list);
    assert.equal(code, 2, stderr);
    assert.match(stderr, sentence);
  };
  const output = join(folder, 'detector.safetensors');
  refused(['detect', 'train', 'nasnet-a:1', '--dataset', data, '-o', output], /--filters|expected either @P/);
  refused([...words(data, output), '--head', 'paper'], /--hidden: expected the head fpn with it, got paper/);
  refused([...words(data, output), '--size', '40'], /size: expected at least 48 pixels, got 40/);
  refused(
    [...words(data, output), '--replicas', '4'],
    /--replicas: expected at most 2, one for each image of a batch \(--batch-size\), got 4/,
  );
  refused(['detect', 'evaluate', output], /--dataset: expected pictures with boxes/);
  refused(['detect', 'evaluate'], /--ground-truth: expected a file, or a model with --dataset, got neither/);
  refused(['detect', 'run', join(data, 'val', '00000.png'), data], /expected a safetensors file/);
});
