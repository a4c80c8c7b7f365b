// Runs a test file again with other versions of our kernels, each in its own process, because the version is read when
// the addon is loaded.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';

/** Adds a test for each value of NASNET_KERNELS, which runs the calling `file` in another process. */
export function testVersions(file: string, versions: readonly string[]): void {
  for (const version of versions) {
    test(`NASNET_KERNELS=${version}: the tests above pass too`, {
      skip: !!process.env.NASNET_KERNELS,
    }, () => {
      const env: NodeJS.ProcessEnv = { ...process.env, NASNET_KERNELS: version };
      delete env.NODE_TEST_CONTEXT; // otherwise the inner run reports to ours
      const { status, stdout } = spawnSync(process.execPath, ['--test', '--test-reporter=tap', file], {
        env,
        encoding: 'utf8',
      });
      assert.equal(status, 0, stdout.slice(-4000));
    });
  }
}
