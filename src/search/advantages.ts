// How good a batch's architectures were compared with what came before them.

/** A told trial's reward; null: it failed. */
export type Reward = number | null;

const rewarded = (rewards: readonly Reward[]) => rewards.filter((reward) => reward !== null);

/** The baseline before any: the mean of the first batch's rewards, so that the first update favours nothing but its better half. */
export function firstBaseline(rewards: readonly Reward[]): number {
  const values = rewarded(rewards);
  return values.reduce((sum, reward) => sum + reward, 0) / values.length;
}

/** Exponential moving average over single rewards, in the order of the tells (decay a reward, not a batch). Failures do not move it. */
export function movedBaseline(baseline: number, rewards: readonly Reward[], decay: number): number {
  return rewarded(rewards).reduce((average, reward) => decay * average + (1 - decay) * reward, baseline);
}

/**
 * Reward minus baseline. A failure counts as the batch's worst reward, at most the baseline, times failureWeight:
 * never worse than what really was measured, so that a machine's fault cannot outweigh every reward.
 */
export function advantages(rewards: readonly Reward[], baseline: number, failureWeight: number): number[] {
  const worst = Math.min(baseline, ...rewarded(rewards));
  return rewards.map((reward) => (reward === null ? failureWeight * (worst - baseline) : reward - baseline));
}
