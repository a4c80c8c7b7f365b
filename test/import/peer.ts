// The peer's files for tests: seeded weights of the released graph in every format, written by
// test/peers/write_files.py.

import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { File, type Group, ready } from 'h5wasm/node';
import { noGrad } from '../../src/engine/memory.ts';
import type { Tensor } from '../../src/engine/tensor.ts';
import type { Network } from '../../src/model/network.ts';
import { readSafetensors } from '../../src/nn/safetensors.ts';

/** Debian's Python, which python3-torch installs into; another python3 may lack torch. */
const python = '/usr/bin/python3';
const script = resolve(import.meta.dirname, '../peers/write_files.py');

/** Returns false if the peer can run, otherwise the reason. */
export function peerMissing(): string | false {
  const hasTorch = spawnSync(python, ['-c', 'import torch, numpy']).status === 0;
  return hasTorch ? false : `the peer is written in PyTorch and ${python} has none (Debian: python3-torch)`;
}

/** Creates a folder that is removed when the process ends. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'nasnet-import-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export type Model = 'mobile' | 'large';
export const mistakes = [
  'symmetric padding',
  'padding counted in averages',
  'swapped inputs',
  'swapped halves',
  'epsilon 1e-5',
];

/** Runs the peer. @returns by name the images, the logits, and the logits of the graph with each mistake */
export function writePeerFiles(model: Model, folder: string, options: string[] = []): Record<string, Tensor> {
  execFileSync(python, ['-B', script, model, folder, ...options], { stdio: ['ignore', 'ignore', 'inherit'] });
  return readSafetensors(join(folder, 'results.safetensors')).tensors;
}

/** Returns every tensor's name and shape in Keras's and in the ports' naming. */
export function peerNames(model: Model): Record<'keras' | 'torch', Record<string, number[]>> {
  return JSON.parse(execFileSync(python, ['-B', script, model, '--names'], { encoding: 'utf8' }));
}

export type Layout = 'save_weights' | 'save' | 'nested';

/**
 * Writes an HDF5 file in Keras's layout from tensors by `layer/variable`: the layers at the root, under model_weights
 * next to the optimizer's state, or inside a layer that is a model.
 */
export async function writeKerasFile(path: string, tensors: Record<string, Tensor>, layout: Layout): Promise<string> {
  await ready;
  const file = new File(path, 'w');
  const within = (group: Group, name: string) => (group.get(name) as Group | null) ?? group.create_group(name);
  const root = layout === 'save_weights' ? file : within(file, 'model_weights');
  if (layout === 'save')
    within(within(file, 'optimizer_weights'), 'adam').create_dataset({ name: 'iteration:0', data: [7] });
  for (const [name, tensor] of Object.entries(tensors)) {
    const [layer, variable] = name.split('/') as [string, string];
    const group = within(within(root, layout === 'nested' ? 'NASNet' : layer), layer);
    group.create_dataset({ name: `${variable}:0`, data: tensor.toArray(), shape: [...tensor.shape] });
  }
  within(root, 'activation_1'); // layers without variables are empty groups
  file.close();
  return path;
}

/** Returns max |difference| / max |logit| of the network on the peer's images. */
export function relativeDifference(network: Network, images: Tensor, expected: Tensor): number {
  const logits = noGrad(() => network.forward(images).logits);
  return logits.sub(expected).abs().max().item() / expected.abs().max().item();
}
