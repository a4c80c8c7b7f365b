// Begins a network with the weights of a model file: its body, and its head where the classes are the same.

import { noGrad, scope } from '../engine/memory.ts';
import { InputError } from '../failure.ts';
import { readSafetensors } from '../nn/safetensors.ts';
import type { Network } from './network.ts';

const isHead = (name: string) => name.startsWith('head.');
const isAuxiliary = (name: string) => name.startsWith('auxiliary.');

/**
 * Copies the weights and moving statistics of a model file into a network, all or none. The auxiliary head, which no
 * model file has, keeps its values, and so does the head unless `head` is true.
 * @throws InputError that names a tensor which the file lacks or has in another shape
 */
export function takeWeights(network: Network, path: string, { head }: { head: boolean }): void {
  scope(() => {
    const { tensors } = readSafetensors(path);
    const wanted = Object.entries(network.stateDict()).filter(
      ([name]) => !isAuxiliary(name) && (head || !isHead(name)),
    );
    const own = new Set(wanted.map(([name]) => name));
    const over = Object.keys(tensors).find((name) => !own.has(name) && !isHead(name));
    const misfit = wanted.find(([name, tensor]) => tensors[name]?.shape.join() !== tensor.shape.join());
    if (misfit) {
      const [name, tensor] = misfit;
      const got = tensors[name] ? `[${tensors[name].shape}]` : 'none';
      throw new InputError(`${path}: expected the network that is trained, with ${name} [${tensor.shape}], got ${got}`);
    }
    if (over !== undefined)
      throw new InputError(`${path}: expected the network that is trained, got one that also has ${over}`);
    noGrad(() => {
      for (const [name, tensor] of wanted) tensor.copy_(tensors[name]!);
    });
  });
}
