// Whether both sides of bench/training.ts compute the same network: as many parameters as planned, and from the same weights and
// images the same losses over the first steps, which weights, gradients, clipping, momentum and L2 all go into.
import { Failure } from '../src/failure.ts';
import type { TrainingProcess } from './training-process.ts';

/**
 * Of the loss of the first step, the second, the third: rounding grows with every update. Measured up to N = 2, F = 32: 1e-6, 3e-5,
 * 2e-4; N = 4, F = 12 reaches 1.4e-3 in the third. One ReLU too many in the first cell makes 4e-3 in the first.
 */
const tolerances = [1e-4, 1e-3, 1e-2];

export interface Agreement {
  parameters: number;
  /** libtorch's of each side. */
  versions: [ours: string, peer: string];
  losses: [ours: number, peer: number][];
}

/** Both start from one file and have not made a step yet; three are made. @throws Failure that says what differs */
export async function compareSides(name: string, ours: TrainingProcess, peer: TrainingProcess): Promise<Agreement> {
  const [{ parameters, planned, version }, other] = [await ours.hello, await peer.hello];
  if (parameters !== planned || parameters !== other.parameters) {
    throw new Failure(
      `${name}: the networks differ: ${planned} parameters planned, ${parameters} in ours, ${other.parameters} in the peer`,
    );
  }
  const losses: Agreement['losses'] = [];
  for (const [index, tolerance] of tolerances.entries()) {
    const [{ loss }, { loss: otherLoss }] = [await ours.make(1), await peer.make(1)];
    losses.push([loss, otherLoss]);
    if (Math.abs(loss - otherLoss) <= tolerance * Math.abs(otherLoss)) continue;
    throw new Failure(
      `${name}: the networks differ: a loss of ${loss} in step ${index + 1} of ours, ${otherLoss} in the peer's`,
    );
  }
  return { parameters, versions: [version, other.version], losses };
}
