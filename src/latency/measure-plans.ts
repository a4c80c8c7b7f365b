// Inference times of several networks on this machine, one image at a time on one thread: what a law of latency is fitted to.

import { setThreads, threads } from '../engine/machine.ts';
import { buildNetwork } from '../model/network.ts';
import type { Plan } from '../plan/plan.ts';
import { openEngine } from './runtime.ts';
import { timeRuns } from './timing.ts';

export interface MeasuredPlan {
  plan: Plan;
  /** Of one image: its fastest run, which what else the machine does moves least. */
  milliseconds: number;
}

const leastNetworks = 3;

/**
 * Times one network after the other with our own engine on the CPU until the seconds are spent, at least three of them (or all).
 * Weights do not matter to time: they are left as they come.
 */
export async function measurePlans(plans: readonly Plan[], { seconds }: { seconds: number }): Promise<MeasuredPlan[]> {
  const [started, before] = [performance.now(), threads()];
  const measured: MeasuredPlan[] = [];
  try {
    for (const plan of plans) {
      if (measured.length >= leastNetworks && performance.now() - started > 1000 * seconds) break;
      measured.push({ plan, milliseconds: await measurePlan(plan, seconds / plans.length) });
    }
  } finally {
    setThreads(before);
  }
  return measured;
}

async function measurePlan(plan: Plan, seconds: number): Promise<number> {
  const network = buildNetwork(plan, { seed: 1 }).train(false);
  const opened = openEngine(network, { device: 'cpu', threads: 1 });
  try {
    const limits = { seconds, warmUp: 2, leastRuns: 10, mostRuns: 40, precision: 0.05 };
    return Math.min(...(await timeRuns(opened.prepare(1), limits)));
  } finally {
    await opened.close();
    network.dispose();
  }
}
