// The GPU for tests that need one: this machine's first, or NASNET_TEST_DEVICE ('cpu' compares the CPU with itself, to
// check the tests).

import { cpu, prepareDevice, resolveDevice } from '../../src/engine/device.ts';

function availableGpu(): string | undefined {
  const named = process.env.NASNET_TEST_DEVICE;
  if (named) return named;
  const device = resolveDevice('auto');
  return device === cpu ? undefined : device;
}

const device = availableGpu();
if (device !== undefined) prepareDevice(device);

export const gpu = device ?? cpu;
/** For node:test: the reason why a test that needs a GPU is skipped. */
export const withoutGpu = device === undefined ? 'no GPU here' : false;
