// The list of commands: its descriptions are those of the commands, and --help loads no command.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { commands } from '../../src/cli/main.ts';

for (const [name, { takes, about, load }] of Object.entries(commands)) {
  test(`the list says of ${name} what the command says of itself`, async () => {
    const program = new Command();
    await (await load())(program, []);
    const [command] = program.commands;
    assert.deepEqual([command?.name(), command?.usage(), command?.description()], [name, takes, about]);
  });
}

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

/** Returns the output of a command line, and the files of nasnet that it loaded. */
function run(...words: string[]) {
  const watch = `
    import { registerHooks } from 'node:module';
    const loaded = [];
    registerHooks({ load: (url, context, next) => { loaded.push(url); return next(url, context); } });
    const { main } = await import(${JSON.stringify(main)});
    process.exitCode = await main(${JSON.stringify(words)});
    process.stderr.write(JSON.stringify(loaded.filter((url) => url.includes('/src/')).map((url) => url.split('/src/')[1])));
  `;
  const { stdout, stderr, status } = spawnSync(process.execPath, ['--input-type=module', '-e', watch], {
    encoding: 'utf8',
  });
  return { stdout, loaded: JSON.parse(stderr.slice(stderr.lastIndexOf('['))) as string[], status };
}

test('--help lists every command in order and loads no command', () => {
  const { stdout, loaded, status } = run('--help');
  assert.equal(status, 0);
  const listed = [...stdout.matchAll(/^ {2}(\w+) \[options\]/gm)].map((found) => found[1]);
  assert.deepEqual(listed, Object.keys(commands));
  assert.deepEqual(
    loaded.filter((file) => file.includes('/')),
    ['cli/main.ts'],
  );
});

test('profile computes without the tensor engine, the database and the workers', () => {
  const { stdout, loaded, status } = run('profile', 'nasnet-a:6@768');
  assert.equal(status, 0);
  assert.match(stdout, /trainable parameters/);
  assert.deepEqual(
    loaded.filter((file) => /^(engine|nn|database|study|workers|train|search)\//.test(file)),
    [],
  );
});

test('a property name of every object, such as toString, is not a command', () => {
  const { loaded, status } = run('toString');
  assert.equal(status, 2);
  assert.ok(loaded.every((file) => !file.startsWith('cli/') || file === 'cli/main.ts'));
});
