// Measures the inference times of several networks, one image at a time on one thread, to fit a law of latency to them.

import { setThreads, threads } from '../engine/machine.ts';
import { buildNetwork } from '../model/network.ts';
import type { Plan } from '../plan/plan.ts';
import { openEngine } from './runtime.ts';
import { timeRuns } from './timing.ts';

export interface MeasuredPlan {
  plan: Plan;
  /** The fastest run of one image, the figure that other load on the machine affects least. */
  milliseconds: number;
}

const minNetworks = 3;

/**
 * Times one network after the other with our engine on the CPU until the time is up, at least three of them (or all).
 * The networks have random weights, which do not affect the time.
 * @param seconds the time limit
 * @returns the timed networks, in order
 */
export async function measurePlans(plans: readonly Plan[], { seconds }: { seconds: number }): Promise<MeasuredPlan[]> {
  const [start, previousThreads] = [performance.now(), threads()];
  const measured: MeasuredPlan[] = [];
  try {
    for (const plan of plans) {
      if (measured.length >= minNetworks && performance.now() - start > 1000 * seconds) break;
      measured.push({ plan, milliseconds: await measurePlan(plan, seconds / plans.length) });
    }
  } finally {
    setThreads(previousThreads);
  }
  return measured;
}

async function measurePlan(plan: Plan, seconds: number): Promise<number> {
  const network = buildNetwork(plan, { seed: 1 }).train(false);
  const runtime = openEngine(network, { device: 'cpu', threads: 1 });
  try {
    const limits = { seconds, warmUp: 2, minRuns: 10, maxRuns: 40, precision: 0.05 };
    return Math.min(...(await timeRuns(runtime.prepare(1), limits)));
  } finally {
    await runtime.close();
    network.dispose();
  }
}
