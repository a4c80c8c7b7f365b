// Which kernels this machine's processor can run. Those for AVX-512 are a third of all that is compiled, so they are
// left out where it lacks AVX-512; the others are for every machine.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SetupFailure } from './step.mjs';

export const avx512Sources = [
  join('inference', 'loops', 'placed-avx512.cpp'),
  ...['loops-avx512.cpp', 'loops-avx512bf16.cpp'].map((name) => join('kernels', 'loops', name)),
];

/**
 * NASNET_BUILD_KERNELS decides: `all` for an addon that other machines will load, `avx2` without AVX-512; else the
 * processor does, and where it does not say, they are compiled.
 * @param {NodeJS.ProcessEnv} environment
 * @throws {SetupFailure} for another word
 */
export function wantsAvx512({ NASNET_BUILD_KERNELS: asked }) {
  if (asked === 'all' || asked === 'avx2') return asked === 'all';
  if (asked)
    throw new SetupFailure(`NASNET_BUILD_KERNELS: expected all or avx2, got ${asked}`, {
      advice: 'correct or unset it',
    });
  const features = processorFeatures();
  return features.length === 0 || features.includes('avx512f');
}

/** As Linux names them; elsewhere none. @returns {string[]} */
export function processorFeatures() {
  try {
    const line = readFileSync('/proc/cpuinfo', 'utf8').match(/^(?:flags|Features)\s*:(.*)$/m);
    return line?.[1]?.trim().split(/\s+/) ?? [];
  } catch {
    return [];
  }
}
