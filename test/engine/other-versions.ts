// A file of comparisons run again with other versions of our kernels: which one computes is read when the addon is loaded.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';

/** A test for each value of NASNET_KERNELS; `file` is the one that calls, which then runs in a process of its own. */
export function testVersions(file: string, versions: readonly string[]): void {
  for (const version of versions) {
    test(`NASNET_KERNELS=${version}: the comparisons above hold there too`, {
      skip: !!process.env.NASNET_KERNELS,
    }, () => {
      const env: NodeJS.ProcessEnv = { ...process.env, NASNET_KERNELS: version };
      delete env.NODE_TEST_CONTEXT; // else the inner run reports to ours
      const { status, stdout } = spawnSync(process.execPath, ['--test', '--test-reporter=tap', file], {
        env,
        encoding: 'utf8',
      });
      assert.equal(status, 0, stdout.slice(-4000));
    });
  }
}
