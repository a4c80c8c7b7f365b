// Computes the reward baseline and the advantages of a batch.

/** The reward of a finished trial; null if it failed. */
export type Reward = number | null;

const rewarded = (rewards: readonly Reward[]) => rewards.filter((reward) => reward !== null);

/**
 * Returns the first baseline: the mean of the first batch's rewards, so that the first update favours only its better
 * half.
 */
export function firstBaseline(rewards: readonly Reward[]): number {
  const values = rewarded(rewards);
  return values.reduce((sum, reward) => sum + reward, 0) / values.length;
}

/**
 * Updates the baseline, an exponential moving average, with each reward in the order of the tells (`decay` applies to a
 * reward, not a batch). Ignores failures.
 */
export function updatedBaseline(baseline: number, rewards: readonly Reward[], decay: number): number {
  return rewarded(rewards).reduce((average, reward) => decay * average + (1 - decay) * reward, baseline);
}

/**
 * Returns reward minus baseline. A failure counts as the batch's worst reward (at most the baseline) times
 * failureWeight, so a fault of a machine is never worse than a measured reward.
 */
export function advantages(rewards: readonly Reward[], baseline: number, failureWeight: number): number[] {
  const worst = Math.min(baseline, ...rewarded(rewards));
  return rewards.map((reward) => (reward === null ? failureWeight * (worst - baseline) : reward - baseline));
}
