// Assertions about a built network: its counts, its names, and its values.

import assert from 'node:assert/strict';
import type { Tensor } from '../../src/engine/tensor.ts';
import type { Network } from '../../src/model/network.ts';
import { type Plan, planParameters } from '../../src/plan/plan.ts';

const elements = (tensors: Iterable<Tensor>) => [...tensors].reduce((sum, { size }) => sum + size, 0);
const ofHead = (name: string) => name.startsWith('auxiliary.');

/** Counts the elements of the network's tensors. */
export function counted(network: Network) {
  const parameters = [...network.namedParameters()];
  const own = elements(parameters.filter(([name]) => !ofHead(name)).map(([, value]) => value));
  const auxiliary = elements(parameters.filter(([name]) => ofHead(name)).map(([, value]) => value));
  const buffers = elements([...network.namedBuffers()].filter(([name]) => !ofHead(name)).map(([, value]) => value));
  return { trainableParameters: own, totalParameters: own + buffers, auxiliaryParameters: auxiliary };
}

/** Asserts the names, shapes and order of parameters and of statistics. */
export function assertNamedAsPlanned(network: Network, plan: Plan): void {
  const planned = (statistic: boolean) =>
    planParameters(plan)
      .filter((parameter) => parameter.statistic === statistic)
      .map(({ name, shape }) => [name, shape]);
  const built = (tensors: Map<string, Tensor>) => [...tensors].map(([name, { shape }]) => [name, [...shape]]);
  assert.deepEqual(built(network.namedParameters()), planned(false));
  assert.deepEqual(built(network.namedBuffers()), planned(true));
}

/** Asserts that two float64 tensors are equal up to rounding. */
export function assertClose(actual: Tensor, expected: Tensor): void {
  assert.deepEqual(actual.shape, expected.shape);
  const difference = actual.sub(expected).abs().max().item();
  assert.ok(difference < 1e-9, `differs by ${difference}`);
}
