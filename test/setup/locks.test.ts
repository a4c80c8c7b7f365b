// The lock files pin every package by its content, and package.json asks for the Node that its dependencies need.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';

const root = resolve(import.meta.dirname, '../..');
const read = (path: string) => JSON.parse(readFileSync(join(root, path), 'utf8'));

interface Locked {
  version?: string;
  integrity?: string;
  engines?: { node?: string };
}

const locked = (path: string): [string, Locked][] => Object.entries(read(path).packages as Record<string, Locked>);

for (const path of ['package-lock.json', 'scripts/node/package-lock.json']) {
  test(`${path} names the content of every package`, () => {
    const packages = locked(path).filter(([place]) => place !== '');
    assert.ok(packages.length > 0);
    for (const [place, { version, integrity }] of packages)
      assert.match(integrity ?? 'none', /^sha512-[\w+/]{86}==$/, `${place} ${version}`);
  });
}

/** "22.12" as a number that sorts, of what begins a range: ">=22.12.0". */
const least = (range: string): number => {
  const [major = 0, minor = 0] = (range.match(/\d+/g) ?? []).map(Number);
  return 1000 * major + minor;
};

test('the Node that package.json asks for is the highest that a dependency asks for, and no higher', () => {
  const { engines, dependencies } = read('package.json');
  const packages = new Map(locked('package-lock.json'));
  const wanted = Object.keys(dependencies).map((name) => packages.get(`node_modules/${name}`)?.engines?.node ?? '0');
  assert.equal(least(engines.node), Math.max(...wanted.map(least)), wanted.join(', '));
});
