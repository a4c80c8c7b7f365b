// The GPU of the tests that need one: this machine's first, or what NASNET_TEST_DEVICE names ('cpu' runs them against themselves, to see
// that the tests hold).

import { cpu, prepareDevice, resolveDevice } from '../../src/engine/device.ts';

function found(): string | undefined {
  const named = process.env.NASNET_TEST_DEVICE;
  if (named) return named;
  const device = resolveDevice('auto');
  return device === cpu ? undefined : device;
}

const device = found();
if (device !== undefined) prepareDevice(device);

export const gpu = device ?? cpu;
/** For node:test: why a test that needs a GPU is left out. */
export const withoutGpu = device === undefined ? 'no GPU here' : false;
