// A user's images: the output of a search about them, its suggested commands, and a study is only resumed with the same
// images.

import assert from 'node:assert/strict';
import { existsSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { readModelDescription } from '../../../src/model/model-file.ts';
import { paint } from '../../data/paint.ts';
import { temporaryFolder } from '../../data/temporary.ts';
import { tinyCifar10 } from '../../data/tiny-cifar10.ts';
import { rewrite } from '../../study/rewrite.ts';
import { commandsIn, paste } from '../pasted.ts';
import { nasnet } from '../run.ts';

const folder = temporaryFolder({ after });
const environment = { NASNET_CACHE: join(folder, 'cache') };

/** A name that a shell would split. */
const photos = 'anna\'s $(photos) of "2024"';

async function paintClasses(name: string, counts: Record<string, number>): Promise<void> {
  for (const [label, [each, count]] of Object.entries(counts).entries())
    for (let index = 0; index < count; index++)
      await paint(join(folder, name, each, `${index}.png`), [(40 * label) % 256, index, 90], 24, 24);
}

before(async () => {
  await tinyCifar10(environment.NASNET_CACHE);
  await paintClasses(photos, { 'a cat': 12, 'the dog': 15 });
});

const run = (...words: string[]) => nasnet(words, environment, folder);

const smoke = ['search', '--preset', 'smoke', '--trials', '2', '--finalists', '0', '--workers', '1'];

test('CIFAR-10 and a folder have different studies, and every command that a search suggests works as printed', () => {
  for (const [dataset, study] of [
    ['cifar10', 'runs/smoke/study.db'],
    [photos, `runs/${photos}-smoke/study.db`],
  ] as const) {
    const { code, stdout, stderr } = run(...smoke, ...(dataset === 'cifar10' ? [] : ['--dataset', dataset]));
    assert.equal(code, 0, stderr);
    assert.ok(existsSync(join(folder, study)), stderr);
    const commands = commandsIn(stdout);
    assert.equal(commands.length, 4, stdout);
    const answers = commands.map((command) => {
      const brief = / --seed /.test(command) ? '--trials 1 --finalists 0' : '';
      const ended = paste(command, folder, environment, brief);
      assert.equal(ended.code, 0, `${command}: ${ended.stderr}`);
      return ended.stdout;
    });
    assert.match(answers[0]!, /tried 2 of 2 cells/);
    const tested = /classifies ([\d.]+%) of the (\d+) test images right/.exec(stdout)!;
    assert.ok(answers[1]!.startsWith(`${tested[1]} of ${tested[2]} test images right`), answers[1]);
    assert.match(answers[2]!, /tried 4 of 4 cells/, 'with the cells that were asked for later');
    assert.match(answers[3]!, /tried 1 of 1 cells/);
  }
  const { stdout } = run('show', `runs/${photos}-smoke/study.db`);
  assert.match(stdout, /tried 4 of 4 cells/);
  assert.equal(readdirSync(join(folder, 'runs')).length, 4);
});

test('a search prints the sizes of inputs and stored images, and at its end epochs, pixels and a baseline', () => {
  const sides = ['--size', '24', '--final-epochs', '2', '--final-filters', '3', '--study', 'sizes/study.db'];
  const { code, stdout, stderr } = run(...smoke, '--dataset', photos, ...sides);
  assert.equal(code, 0, stderr);
  assert.match(stderr, /^images .*: 20 to train on, 2 held out for the reward, stored at 24 × 24 pixels$/m);
  assert.match(stderr, /^child +N = 0, F = 3, 6 × 6 pixels, 1 epoch of /m);
  assert.match(stderr, /^final +N = 1, F = 3, 24 × 24 pixels, 2 epochs of /m);
  assert.match(stdout, /Built larger \(N = 1, F = 3, 24 × 24 pixels: .*\) and trained for 2 epochs in /);
  // 2 and 3 of 12 and 15
  assert.match(stdout, /of the 5 test images right; to name the most frequent class each time gives 60\.00%\.$/m);
  assert.deepEqual(readModelDescription(join(folder, 'sizes', 'network.safetensors')).network.input, [24, 24]);
});

test("a trial of a study is trained on the study's images, at their side", () => {
  const trained = run('train', 'sizes/study.db#1:0', '--filters', '2', '--epochs', '1', '-o', 'one.safetensors');
  assert.equal(trained.code, 0, trained.stderr);
  assert.match(trained.stderr, /^Training on the images of sizes\/study\.db: anna's/m);
  const { classes, network } = readModelDescription(join(folder, 'one.safetensors'));
  assert.deepEqual(
    [classes, network.input],
    [
      ['a cat', 'the dog'],
      [24, 24],
    ],
  );
  const larger = run('train', 'nasnet-a:0', '--filters', '2', '--size', '64', '-o', 'two.safetensors');
  assert.equal(larger.code, 2);
  assert.equal(larger.stderr, 'nasnet: --size: expected at most 32 pixels with cifar10, got 64\n');
});

test('twelve classes of five images are searched, and too small datasets are refused before there is a study', async () => {
  const counts = Object.fromEntries(Array.from({ length: 12 }, (_, index) => [`class ${index}`, 5]));
  await paintClasses('few', counts);
  const { code, stdout, stderr } = run(...smoke, '--dataset', 'few');
  assert.equal(code, 0, stderr);
  assert.match(stdout, /of the 12 test images right/);
  const refused: [words: string[], said: RegExp][] = [
    [
      ['--final-size', '64', '--size', '32'],
      /^nasnet: --final-size: expected at most 32 pixels, the side of the images, got 64$/m,
    ],
    [['--rungs', '1,2:resolution=64', '--size', '32'], /^nasnet: rung 1: expected at most 32 pixels, /m],
    [['--size', '4000'], /^nasnet: --size: expected a whole number from 8 to 1024 pixels, got 4000$/m],
  ];
  for (const [words, said] of refused) {
    const ended = run(...smoke, '--dataset', 'few', '--study', 'none/study.db', ...words);
    assert.equal(ended.code, 2, ended.stderr);
    assert.match(ended.stderr, said);
    assert.doesNotMatch(ended.stderr, /file:|\.ts/);
  }
  assert.ok(!existsSync(join(folder, 'none', 'study.db')));
});

test('a study is resumed with the same images, however the folder is written, and with no others', async () => {
  await paintClasses('pets', { cat: 8, dog: 8 });
  const study = join('pets study', 'study.db');
  const more = (trials: number) => run('search', '--study', study, '--trials', String(trials));
  assert.equal(run(...smoke, '--dataset', 'pets', '--study', study).code, 0);
  const again = run(...smoke, '--dataset', `./pets/`, '--study', study);
  assert.equal(again.code, 0, again.stderr);
  renameSync(join(folder, 'pets', 'cat'), join(folder, 'pets', 'zebra'));
  await paint(join(folder, 'pets', 'dog', '8.png'), [1, 2, 3], 24, 24);
  const changed =
    /^nasnet: .*pets: expected the images with which pets study\/study\.db was started, but class "cat" is now called "zebra", class "dog" had 8 images and has 9; bring them back, or (.*)$/m;
  const train = (...words: string[]) => run('train', `${study}#0:0`, '--filters', '2', '--epochs', '1', ...words);
  for (const [{ code, stderr }, otherwise] of [
    [more(3), 'start a new search in another file with --study'],
    [run('search', '--study', study, '--dry-run'), 'start a new search in another file with --study'],
    [train('-o', 'changed.safetensors'), 'name the images with --dataset pets'],
  ] as const) {
    assert.equal(code, 2, stderr);
    assert.equal(changed.exec(stderr)?.[1], otherwise, stderr);
  }
  assert.ok(!existsSync(join(folder, 'changed.safetensors')));
  const named = train('--dataset', 'pets', '-o', 'named.safetensors');
  assert.equal(named.code, 0, named.stderr);
  renameSync(join(folder, 'pets', 'zebra'), join(folder, 'pets', 'cat'));
  rmSync(join(folder, 'pets', 'dog', '8.png'));
  const back = more(3);
  assert.equal(back.code, 0, back.stderr);
  assert.match(back.stdout, /tried 3 of 3 cells/);
});

test('a study without a record of its images is resumed and records them; older studies compare the classes', async () => {
  const study = join(folder, 'pets study', 'study.db');
  rewrite(study, `DELETE FROM settings WHERE name = 'images'`);
  renameSync(join(folder, 'pets', 'cat'), join(folder, 'pets', 'lion'));
  const renamed = run('search', '--study', study);
  assert.match(renamed.stderr, /but class "cat" was removed, class "lion" is new; /);
  renameSync(join(folder, 'pets', 'lion'), join(folder, 'pets', 'cat'));
  assert.equal(run('search', '--study', study).code, 0);
  await paint(join(folder, 'pets', 'cat', '0.png'), [9, 9, 9], 24, 24);
  assert.match(run('search', '--study', study).stderr, /but class "cat" has other images, 8 as before; /);
});
