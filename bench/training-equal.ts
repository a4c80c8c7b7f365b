// Checks that both sides of bench/training.ts compute the same network: the planned number of parameters, and from the
// same weights and images the same losses over the first steps, which depend on weights, gradients, clipping, momentum
// and L2.
import { Failure } from '../src/failure.ts';
import type { TrainingProcess } from './training-process.ts';

/**
 * Relative differences allowed: of the first gradients' norm, and of the losses of three steps. Rounding grows with
 * every update: NASNet-A up to N = 2, F = 32 has 1e-6, 3e-5 and 2e-4 in its losses; one ReLU too many in its first cell
 * makes 4e-3 in the first. A random architecture's third loss may differ by a tenth, so that of those only the first
 * step counts (1e-5). So does NASNet-A's at N = 6, where the first gradients of PyTorch's float32 and of ours both
 * differ by 1.5% from those in float64. Norms differ by up to 1.2e-3; that of random-0 by 1.8e-3 to 2.2e-3 (8.6361 in
 * float64, 8.6348 in ours, 8.6182 in PyTorch).
 */
const tolerances = { norm: 2e-3, randomNorm: 3e-3, losses: [1e-4, 1e-3, 1e-2], firstLoss: [1e-4, Infinity, Infinity] };

export interface Agreement {
  parameters: number;
  /** The version of libtorch of each side. */
  versions: [ours: string, peer: string];
  losses: [ours: number, peer: number][];
  /** The norm of all gradients in the first step. */
  norms?: [ours: number, peer: number];
}

/** Runs three steps on both sides, which start from one file. @throws Failure that names the difference */
export async function compareSides(name: string, ours: TrainingProcess, peer: TrainingProcess): Promise<Agreement> {
  const [{ parameters, planned, version }, other] = [await ours.hello, await peer.hello];
  if (parameters !== planned || parameters !== other.parameters) {
    throw new Failure(
      `${name}: the networks differ: ${planned} parameters planned, ${parameters} in ours, ${other.parameters} in the peer`,
    );
  }
  const equal = (what: string, one: number, another: number, tolerance: number) => {
    if (Math.abs(one - another) <= tolerance * Math.abs(another)) return;
    throw new Failure(`${name}: the networks differ: ${what} is ${one} in ours, ${another} in the peer`);
  };
  const agreement: Agreement = { parameters, versions: [version, other.version], losses: [] };
  const random = name.startsWith('random-');
  const losses = random || name === 'final' ? tolerances.firstLoss : tolerances.losses;
  for (const [index, tolerance] of losses.entries()) {
    const [one, another] = [await ours.make(1), await peer.make(1)];
    equal(`the loss of step ${index + 1}`, one.loss, another.loss, tolerance);
    agreement.losses.push([one.loss, another.loss]);
    if (index > 0 || one.norm === undefined) continue;
    equal('the norm of the first gradients', one.norm, another.norm!, random ? tolerances.randomNorm : tolerances.norm);
    agreement.norms = [one.norm, another.norm!];
  }
  return agreement;
}
