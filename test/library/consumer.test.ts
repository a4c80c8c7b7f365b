// The packed package in an empty project: type-checked strictly with both module resolutions, and run as JavaScript.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { temporaryFolder } from '../data/temporary.ts';

const root = resolve(import.meta.dirname, '../..');
const folder = temporaryFolder({ after });
const packed = join(folder, 'node_modules/nasnet');

const run = async (
  command: string,
  parameters: string[],
  cwd = folder,
  env: NodeJS.ProcessEnv = {},
): Promise<string> => {
  const all = { ...process.env, NASNET_CACHE: join(folder, 'cache'), ...env };
  const { stdout } = await promisify(execFile)(command, parameters, { cwd, env: all }).catch((error) => {
    throw new Error(`${command} ${parameters.join(' ')}\n${error.stdout}${error.stderr}`);
  });
  return stdout;
};

/** A compiled engine, since the package contains none and building takes minutes. */
const addon = { NASNET_ADDON: process.env.NASNET_ADDON ?? join(root, 'build/nasnet.node') };

before(async () => {
  const [{ filename }] = JSON.parse(
    await run('npm', ['pack', '--json', '--silent', '--pack-destination', folder], root),
  );
  mkdirSync(packed, { recursive: true });
  await run('tar', ['xzf', join(folder, filename), '--strip-components=1', '-C', packed]);
  // The dependencies that npm would install, without the network.
  for (const name of readdirSync(join(root, 'node_modules'))) {
    if (name.startsWith('.')) continue;
    symlinkSync(join(root, 'node_modules', name), join(folder, 'node_modules', name));
  }
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'consumer', private: true, type: 'module' }));
  cpSync(join(packed, 'examples/library'), join(folder, 'src'), { recursive: true });
});

const options = {
  target: 'ES2024',
  lib: ['ES2024', 'ESNext.Disposable'],
  types: ['node'],
  strict: true,
  noUncheckedIndexedAccess: true,
  exactOptionalPropertyTypes: true,
  skipLibCheck: false,
  rootDir: 'src',
  outDir: 'out',
};
const resolutions = {
  nodenext: { module: 'NodeNext', moduleResolution: 'NodeNext' },
  bundler: { module: 'ESNext', moduleResolution: 'Bundler', noEmit: true },
};

for (const [name, resolution] of Object.entries(resolutions)) {
  test(`the examples type-check strictly with ${name} resolution, the package's declarations included`, async () => {
    const project = join(folder, `tsconfig.${name}.json`);
    writeFileSync(project, JSON.stringify({ compilerOptions: { ...options, ...resolution }, include: ['src'] }));
    await run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', project]);
  });
}

test('the types refuse wrong uses', async () => {
  writeFileSync(
    join(folder, 'wrong.ts'),
    `import { createClassifier, nasnetA, openStudy } from 'nasnet';
     // @ts-expect-error the number of cells is required
     createClassifier(nasnetA, { filters: 4 });
     // @ts-expect-error unknown layout
     createClassifier(nasnetA, { cells: 1, filters: 4, layout: 'coco' });
     // @ts-expect-error a reward is a number
     openStudy('study.db').ask().tell({ reward: '1' });
     // @ts-expect-error internal modules cannot be imported
     import 'nasnet/dist/study/study.js';
    `,
  );
  const project = join(folder, 'tsconfig.wrong.json');
  const compilerOptions = { ...options, ...resolutions.nodenext, rootDir: '.', noEmit: true };
  writeFileSync(project, JSON.stringify({ compilerOptions, files: ['wrong.ts'] }));
  await run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', project]);
});

test('the examples run there as JavaScript', async () => {
  const say = (name: string) => run(process.execPath, [join(folder, 'out', name)], folder, addon);
  assert.match(await say('own-evaluator.js'), /^150 trials, 150 in the study\n/);
  assert.match(await say('own-strategy.js'), /of 200\n/);
  assert.match(await say('features.js'), /Cell_11 \[2, 96, 8, 8\]/);
  assert.match(await say('own-dataset.js'), /test 1\.00\n/);
  assert.match(await say('own-operation.js'), /nodes of ONNX/);
});

test('every entry point has declarations, and each file that package.json names is in the package', () => {
  const { exports, bin, main } = JSON.parse(readFileSync(join(packed, 'package.json'), 'utf8'));
  assert.equal(main, undefined); // replaced by exports
  assert.ok(existsSync(join(packed, bin.nasnet)));
  for (const [door, target] of Object.entries<string | Record<string, string>>(exports)) {
    const paths = typeof target === 'string' ? [target] : [target.types!, target.default!];
    for (const path of paths) assert.ok(existsSync(join(packed, path)), `${door}: ${path}`);
    if (typeof target !== 'string')
      assert.ok(Object.keys(target).indexOf('types') < Object.keys(target).indexOf('default'));
  }
});

/** Returns the name of the package of an import: 'a' of 'a/b.js', '@a/b' of '@a/b/c.js'. */
const packageOf = (from: string): string => from.split('/', from.startsWith('@') ? 2 : 1).join('/');

test('the declarations import only each other, Node, and dependencies of the package', () => {
  const { dependencies } = JSON.parse(readFileSync(join(packed, 'package.json'), 'utf8'));
  const seen = new Set<string>();
  const strangers: string[] = [];
  const walk = (path: string): void => {
    if (seen.has(path)) return;
    seen.add(path);
    for (const [, from] of readFileSync(path, 'utf8').matchAll(/(?:from |import\()['"]([^'"]+)['"]/g)) {
      if (from!.startsWith('.')) walk(resolve(dirname(path), from!.replace(/\.js$/, '.d.ts')));
      else if (!from!.startsWith('node:') && !Object.hasOwn(dependencies, packageOf(from!)))
        strangers.push(`${path}: ${from}`);
    }
  };
  for (const door of ['index', 'library/cells', 'library/tensors']) walk(join(packed, `dist/${door}.d.ts`));
  assert.ok(seen.size > 30);
  assert.deepEqual(strangers, []);
});
