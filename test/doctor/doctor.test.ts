// `nasnet doctor` on a package with nothing set up, and on this machine.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { table } from '../../scripts/doctor/doctor.mjs';
import { amount, type Finding, findings } from '../../scripts/doctor/findings.mjs';
import { layLibtorch, layToyPackage, setUp, temporaryFolder, toyEnvironment } from '../setup/toy-package.ts';

function doctor(folder: string, env: NodeJS.ProcessEnv, ...words: string[]) {
  return spawnSync(process.execPath, [join(folder, 'bin/nasnet'), 'doctor', ...words], { env, encoding: 'utf8' });
}

test('in a fresh checkout the doctor names what is missing, exits 1 and installs nothing', () => {
  using temporary = temporaryFolder();
  const folder = join(temporary.path, 'package');
  layToyPackage(folder);
  rmSync(join(folder, 'node_modules'));
  const locked = { packages: { 'node_modules/commander': { version: '15.0.0' } } };
  writeFileSync(join(folder, 'package-lock.json'), JSON.stringify(locked));
  const env = toyEnvironment(join(temporary.path, 'nowhere'), { NASNET_CACHE: join(temporary.path, 'cache') });

  const { status, stdout } = doctor(folder, env);
  assert.equal(status, 1);
  assert.match(stdout, /^packages +missing +1 missing$/m);
  assert.match(stdout, /^libtorch +missing +NASNET_LIBTORCH: expected a folder .*nowhere, which does not exist$/m);
  assert.match(stdout, /^addon +missing +not built$/m);
  assert.match(stdout, /^Missing: packages, libtorch, addon\.$/m);
  for (const name of ['node_modules', 'build']) assert.equal(existsSync(join(folder, name)), false);

  const told = JSON.parse(doctor(folder, env, '--json').stdout);
  assert.equal(told.ok, false);
  assert.deepEqual(
    told.findings.filter(({ state }: Finding) => state === 'missing').map(({ name }: Finding) => name),
    ['packages', 'libtorch', 'addon'],
  );
  assert.equal(doctor(folder, env, '--colour').status, 2);
});

test('after a set-up the same doctor finds everything and exits 0; after a change of sources it asks for a new one', () => {
  using temporary = temporaryFolder();
  const folder = join(temporary.path, 'package');
  layToyPackage(folder);
  layLibtorch(join(temporary.path, 'libtorch'), '2.5.1', 'real');
  const env = toyEnvironment(join(temporary.path, 'libtorch'));
  assert.equal(setUp(folder, env).status, 0);
  const { status, stdout } = doctor(folder, env);
  assert.equal(status, 0, stdout);
  assert.match(stdout, /^libtorch +ok +2\.5\.1 in .* \(named by NASNET_LIBTORCH\)$/m);
  assert.match(stdout, /^Everything needed is here\.$/m);
  writeFileSync(join(folder, 'native/answers/answer.cpp'), 'int answer() { return 1; }\n');
  assert.match(
    doctor(folder, env).stdout,
    /^addon +missing +built from other sources, flags or libtorch \(2\.5\.1\)$/m,
  );
});

test('the machine’s findings are its own: cores, memory, disk', () => {
  const facts = new Map(findings().map(({ name, facts }) => [name, facts]));
  assert.ok(Number(facts.get('cpu')?.cores) >= 1);
  const { total, free } = facts.get('memory') ?? {};
  assert.ok(Number(total) > Number(free) && Number(free) > 0);
  const blocks = spawnSync('df', ['--output=avail', '-B1', '/'], { encoding: 'utf8' });
  assert.ok(blocks.status !== 0 || Number(facts.get('disk')?.free) > 0);
  assert.ok(String(facts.get('disk')?.cache).includes('nasnet') || process.env.NASNET_CACHE);
});

test('the table keeps one line a finding, advice only where something is wrong', () => {
  const found: Finding[] = [
    { name: 'node', state: 'ok', value: '24.1.0', advice: 'none needed' },
    { name: 'addon', state: 'missing', value: 'not built', advice: 'build it' },
  ];
  const expected = [
    'node      ok       24.1.0',
    'addon     missing  not built',
    '                   → build it',
    '',
    'Missing: addon.',
    '',
  ];
  assert.equal(table(found), expected.join('\n'));
  assert.deepEqual([amount(1.5e9), amount(2.5e6), amount(0)], ['1.5 GB', '3 MB', '0 MB']);
});
