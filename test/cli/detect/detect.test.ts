import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, parse, resolve } from 'node:path';
import { test } from 'node:test';
import { Command } from 'commander';
import { detectCommands } from '../../../src/cli/detect/detect.ts';
import type { Case } from '../../coco/from-json.ts';
import { temporaryFolder } from '../../data/temporary.ts';
import { annotation, writeCoco, writeYolo } from '../../detection-data/made.ts';
import { nasnet, nasnets } from '../run.ts';

for (const [name, { takes, about, load }] of Object.entries(detectCommands)) {
  test(`the list says of detect ${name} what the command says of itself`, async () => {
    const detect = new Command();
    (await load())(detect);
    const [command] = detect.commands;
    assert.deepEqual([command?.name(), command?.usage(), command?.description()], [name, takes, about]);
  });
}

const stored = resolve(import.meta.dirname, '../../coco/cases/crowds.json');

function writeCase(folder: string): { truth: string; detections: string; expected: Case['expected'] } {
  const { groundTruth, detections, expected } = JSON.parse(readFileSync(stored, 'utf8')) as Case;
  const [truth, found] = [join(folder, 'gt.json'), join(folder, 'dt.json')];
  writeFileSync(truth, JSON.stringify(groundTruth));
  writeFileSync(found, JSON.stringify(detections));
  return { truth, detections: found, expected };
}

test('detect evaluate prints the twelve numbers, with and without --as-pycocotools', (context) => {
  const { truth, detections, expected } = writeCase(temporaryFolder(context));
  const words = ['detect', 'evaluate', '--ground-truth', truth, '--detections', detections, '--json'];
  for (const { code, stdout, stderr } of nasnets([words, [...words, '--as-pycocotools']])) {
    assert.equal(code, 0, stderr);
    const document = JSON.parse(stdout);
    assert.deepEqual(Object.keys(document).slice(0, 12), Object.keys(expected));
    for (const [name, value] of Object.entries(expected)) assert.ok(Math.abs(document[name] - value) < 1e-9, name);
  }
});

test('detect evaluate of a file loads neither the engine nor the database', (context) => {
  const { truth, detections } = writeCase(temporaryFolder(context));
  const main = resolve(import.meta.dirname, '../../../src/cli/main.ts');
  const script = `
    import { registerHooks } from 'node:module';
    const loaded = [];
    registerHooks({ load: (url, context, next) => { loaded.push(url); return next(url, context); } });
    const { main } = await import(${JSON.stringify(main)});
    process.exitCode = await main(${JSON.stringify(['detect', 'evaluate', '--ground-truth', truth, '--detections', detections])});
    process.stderr.write(JSON.stringify(loaded.filter((url) => /src.(engine|nn|database|model|train)|nasnet.node/.test(url))));`;
  const { stderr, status } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  assert.deepEqual(JSON.parse(stderr.slice(stderr.lastIndexOf('['))), []);
});

test('detect evaluate -o writes a page that stands alone, and refuses files of someone else', async (context) => {
  const folder = temporaryFolder(context);
  const truth = await writeCoco(folder, { annotations: [annotation(), annotation({ id: 2, bbox: [60, 40, 30, 30] })] });
  const detections = join(folder, 'dt.json');
  const found = [
    { image_id: 7, category_id: 1, bbox: [10, 10, 10, 20], score: 0.9 },
    { image_id: 7, category_id: 1, bbox: [40, 10, 10, 20], score: 0.95 },
  ];
  writeFileSync(detections, JSON.stringify(found));
  const words = ['detect', 'evaluate', '--ground-truth', truth, '--detections', detections];
  const output = join(folder, 'report');
  const { code, stdout, stderr } = nasnet([...words, '-o', output]);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /detections\.html/);
  const page = readFileSync(join(output, 'detections.html'), 'utf8');
  assert.match(page, /prefers-color-scheme: dark/);
  assert.match(page, /data:image\/jpeg;base64/); // the picture itself
  assert.match(page, /7\.jpg: 1 missed, 1 wrong/);
  assert.match(page, /class="box missed"/);
  assert.doesNotMatch(page, /https?:\/\//);
  const { AP, classes, worst } = JSON.parse(readFileSync(join(output, 'detections.json'), 'utf8'));
  // The second of two detections is right, of two objects: precision 1/2 at 51 of 101 recalls
  assert.ok(Math.abs(AP - (0.5 * 51) / 101) < 1e-9);
  assert.equal(classes[0].precision50.length, 101);
  assert.deepEqual(worst, [{ picture: '7.jpg', missed: 1, wrong: 1, right: 1 }]);
  writeFileSync(join(output, 'detections.html'), 'mine');
  const again = nasnet([...words, '-o', output]);
  assert.equal(again.code, 2);
  assert.match(
    again.stderr,
    /exists already, written by someone since; name another place, or replace it with --overwrite/,
  );
});

test('detect evaluate refuses what it cannot compare, and counts what it does not', async (context) => {
  const folder = temporaryFolder(context);
  const truth = await writeCoco(folder);
  const run = (value: unknown) => {
    writeFileSync(join(folder, 'dt.json'), JSON.stringify(value));
    return nasnet(['detect', 'evaluate', '--ground-truth', truth, '--detections', join(folder, 'dt.json'), '--json']);
  };
  const good = { image_id: 7, category_id: 1, bbox: [10, 10, 10, 20], score: 0.9 };
  const refused: [unknown, RegExp][] = [
    [
      [good, { ...good, image_id: 8 }],
      /dt\.json: detection 1: expected image_id, a picture that the ground truth lists, got 8/,
    ],
    [[{ ...good, score: undefined }], /detection 0: expected score, a finite number, got none/],
    [
      [{ ...good, bbox: [1, 2, 3] }],
      /detection 0: expected bbox, four finite numbers x, y, width, height, got \[1,2,3\]/,
    ],
    [{ images: [] }, /expected a list of detections, or what detect run wrote, got another object/],
    [[3], /detection 0: expected an object/],
    [[{ ...good, category_id: null }], /detection 0: expected category_id, got null/],
  ];
  for (const [value, message] of refused) {
    const { code, stderr } = run(value);
    assert.equal(code, 2);
    assert.match(stderr, message);
  }
  const unlisted = run([good, { ...good, category_id: 5 }]);
  assert.match(
    unlisted.stderr,
    /1 detections of classes that the ground truth does not list count nowhere: category_id 5/,
  );
  assert.ok(JSON.parse(unlisted.stdout).AP > 0.999);
  const empty = run([]);
  assert.equal(JSON.parse(empty.stdout).AP, 0);
  assert.match(empty.stderr, /no detection to evaluate/);
});

test('with a YOLO dataset detections name files and classes; what could be several pictures is refused', async (context) => {
  const folder = temporaryFolder(context);
  const truth = await writeYolo(join(folder, 'yolo'), '0 0.5 0.5 0.5 0.5\n');
  const dataset = nasnet(['convert', truth, join(folder, 'coco'), '--format', 'coco']);
  assert.equal(dataset.code, 0, dataset.stderr);
  const { images, annotations, categories } = JSON.parse(
    readFileSync(join(folder, 'coco', 'annotations', 'instances_train.json'), 'utf8'),
  );
  const { bbox } = annotations[0];
  const [{ name }] = categories;
  const file = images[0].file_name;
  const found = { image_id: parse(file).name, category_id: name, bbox, score: 0.9 };
  const ofRun = (file: string) => ({ file, objects: [{ category: name, score: 0.9, bbox }] });
  const evaluate = (value: unknown) => {
    writeFileSync(join(folder, 'dt.json'), JSON.stringify(value));
    return nasnet(['detect', 'evaluate', '--ground-truth', truth, '--detections', join(folder, 'dt.json'), '--json']);
  };
  for (const value of [
    [found],
    [{ ...found, image_id: file }],
    { model: 'm', pictures: [ofRun(`/elsewhere/${file}`)], unreadable: [] },
  ]) {
    const { code, stdout, stderr } = evaluate(value);
    assert.equal(code, 0, stderr);
    assert.ok(JSON.parse(stdout).AP > 0.999);
  }
  const refused: [unknown, RegExp][] = [
    [[{ ...found, image_id: 1 }], /expected image_id, the name of a picture's file, such as ".*", since this ground/],
    [
      [{ ...found, image_id: 'other' }],
      /expected image_id, the name of one picture that the ground truth lists, got "o/,
    ],
    [
      [{ ...found, category_id: 0 }],
      /expected category_id, the name of a class, such as ".*", since this ground truth/,
    ],
    [
      { pictures: [ofRun('a/other.jpg')] },
      /expected file, the name of one picture that the ground truth lists, got "a/,
    ],
    [{ pictures: [ofRun(file), ofRun(`b/${file}`)] }, /picture 1: expected one file for each picture of the ground/],
    [{ pictures: [{ file }] }, /picture 0: expected file and objects/],
  ];
  for (const [value, message] of refused) {
    const { code, stderr } = evaluate(value);
    assert.equal(code, 2, stderr);
    assert.match(stderr, message);
  }
});

test('an object without area or iscrowd is evaluated with width × height, as an ordinary one', async (context) => {
  const folder = temporaryFolder(context);
  writeFileSync(
    join(folder, 'dt.json'),
    JSON.stringify([{ image_id: 7, category_id: 1, bbox: [10, 10, 40, 60], score: 0.9 }]),
  );
  const numbers = [];
  for (const more of [{ area: 2400 }, { area: undefined, iscrowd: undefined }]) {
    const truth = await writeCoco(folder, { annotations: [annotation({ bbox: [10, 10, 40, 60], ...more })] });
    const { stdout, stderr } = nasnet([
      'detect',
      'evaluate',
      '--ground-truth',
      truth,
      '--detections',
      join(folder, 'dt.json'),
      '--json',
    ]);
    assert.equal(stderr.includes('annotations without an area: 1'), more.area === undefined);
    const { APs, APm, APl } = JSON.parse(stdout);
    numbers.push([APs, APm, APl].map(Math.round));
  }
  assert.deepEqual(numbers, [
    [-1, 1, -1],
    [-1, 1, -1],
  ]);
});

test('convert says what it read, mended and lost, and refuses conflicts without --mend', async (context) => {
  const folder = temporaryFolder(context);
  const from = await writeYolo(join(folder, 'from'), '0 0.5 0.5 0.5 0.5\n0 0.5 0.5 0.5 0.5\n1 0.9 0.5 0.4 0.5\n');
  const words = ['convert', from, join(folder, 'to'), '--format', 'coco', '--json'];
  const [refused, mended, again, within] = nasnets([
    words,
    [...words, '--mend'],
    [...words, '--mend'],
    ['convert', from, join(from, 'to'), '--format', 'coco'],
  ]);
  assert.equal(refused!.code, 2);
  assert.match(
    refused!.stderr,
    /boxes that reach more than a pixel beyond their pictures: 1 \(first: .*a\.txt, line 3.*accept this with --mend/,
  );
  assert.equal(mended!.code, 0, mended!.stderr);
  const { parts, faults, files } = JSON.parse(mended!.stdout);
  assert.deepEqual(parts, [{ name: 'train', pictures: 1, boxes: 2, classes: 2 }]);
  assert.deepEqual(
    faults.map(({ kind, count }: { kind: string; count: number }) => [kind, count]),
    [
      ['beyond-picture', 1],
      ['doubled-lines', 1],
    ],
  );
  assert.equal(files, 1);
  assert.ok(existsSync(join(folder, 'to', 'annotations', 'instances_train.json')));
  assert.match(again!.stderr, /exists already and is not empty; name another place, or replace it with --overwrite/);
  assert.match(within!.stderr, /expected a folder outside/);
});
