// Initialises the first convolution so that it whitens its patches: the filters are the principal directions of the
// training images' patches, each with its own scale, and their negatives (Jordan, 2024, after Coates, Ng and Lee,
// 2011). The next layers then get uncorrelated channels from the first step on.

import type { StepBatches } from '../data/step-batches.ts';
import { cpu } from '../engine/device.ts';
import { free, keep, noGrad, scope } from '../engine/memory.ts';
import { operator } from '../engine/operator.ts';
import { cat } from '../engine/operators.ts';
import type { Tensor } from '../engine/tensor.ts';
import type { Convolution } from '../plan/layer.ts';
import { type Replicas, sumsOver } from '../replicas/replicas.ts';
import type { Trainable } from './trainable.ts';

const images = 2048;
/**
 * Added to the variance of each direction, since directions with little variance are noise. The unit is the variance of
 * the whitened images.
 */
const least = 1e-2;

/**
 * Replaces the filters of a new network's stem convolution, at most twice as many as it has inputs. Replicas use the
 * patches of all their images.
 */
export async function whitenStem(network: Trainable, batches: StepBatches, replicas?: Replicas): Promise<void> {
  const stem = network.plan.stem.find(({ kind }) => kind === 'convolution') as Convolution;
  const weight = network.namedParameters().get(`${stem.name}.weight`)!; // [filters, 3, height, width]
  const [filters, channels, height, width] = weight.shape as [number, number, number, number];
  const { products, patches: own } = await patchProducts(batches, [height, width]);
  const [patches] = replicas ? sumsOver(replicas, [own]) : [own];
  scope(() =>
    noGrad(() => {
      const directions = principalDirections(products, patches!, replicas); // [inputs, inputs]
      const both = cat([directions, directions.neg()]).reshape([-1, channels, height, width]);
      const count = Math.min(filters, both.shape[0]!);
      const first = weight.narrow(0, 0, count);
      const size = first.pow(2).mean().sqrt();
      const chosen = both.narrow(0, 0, count).to(weight.device).to('float32');
      first.copy_(chosen.mul(size.div(chosen.pow(2).mean().sqrt())));
    }),
  );
  free(products);
}

/** Returns the sums over the patches of each batch of the products of their values, float64 [inputs, inputs]. */
async function patchProducts(batches: StepBatches, kernel: readonly [number, number]) {
  const count = Math.min(batches.count, Math.ceil(images / batches.wholeBatchSize));
  const products: Tensor[] = [];
  let patches = 0;
  for (let step = 0; step < count; step++) {
    await batches.wait?.(0, step);
    scope(() => {
      // [images, inputs, places]
      const columns = unfold.tensor(batches.batch(0, step).images, kernel, [1, 1], [0, 0], [1, 1]);
      const rows = columns.transpose(1, 2).reshape([-1, columns.shape[1]!]).to('float64');
      products.push(keep(rows.transpose(0, 1).matmul(rows)));
      patches += rows.shape[0]!;
    });
  }
  return { products, patches };
}

/**
 * Returns the directions as rows by falling variance, each divided by its standard deviation: float64 [inputs, inputs].
 */
function principalDirections(products: readonly Tensor[], patches: number, replicas?: Replicas): Tensor {
  const sum = products
    .reduce((total, each) => total.add(each))
    .to(cpu)
    .contiguous();
  replicas?.allReduce(sum);
  const covariance = sum.div(patches); // about 0, the images' mean
  const [variances, vectors] = eigh.tensors(covariance, 'L') as [Tensor, Tensor]; // rising; vectors are columns
  return vectors.div(variances.add(least).sqrt()).transpose(0, 1).flip([0]);
}

const unfold = operator('aten::im2col');
const eigh = operator('aten::linalg_eigh');
