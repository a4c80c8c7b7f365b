// The range of rewards: strategies compute in float32.

/** The largest number of float32. */
export const largestReward = (2 - 2 ** -23) * 2 ** 127;

export const isFiniteReward = (reward: number): boolean => Number.isFinite(Math.fround(reward));

/** Returns the reward that is reported in place of a stored one; studies of older versions have larger ones. */
export const withinRange = (reward: number): number =>
  isFiniteReward(reward) ? reward : Math.sign(reward) * largestReward;
