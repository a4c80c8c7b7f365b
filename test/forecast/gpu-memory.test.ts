// The number of children that fit on a GPU, and the message about one that fails there.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  DeviceLostError,
  type DeviceMemoryError,
  explained,
  losesDevice,
  onDevice,
} from '../../src/children/device-failure.ts';
import { workersOn } from '../../src/forecast/device-workers.ts';
import { childrenOnGpu, freeGpuMemory, gpuMemoryOf, workerGpuMemory } from '../../src/forecast/gpu-memory.ts';
import { planNetwork } from '../../src/plan/plan.ts';
import { nasnetA } from '../../src/space/published.ts';
import { settingsOf } from '../../src/study/presets.ts';

const listing = ['0, GPU-aaaa-1, 81004', '1, GPU-bbbb-2, 1024', ''].join('\n');
const ask = () => listing;

test('the free memory of a card is that of nvidia-smi, with the numbering of CUDA_VISIBLE_DEVICES', () => {
  const free = (device: string, visible?: string) =>
    freeGpuMemory(device, { ask, environment: visible === undefined ? {} : { CUDA_VISIBLE_DEVICES: visible } });
  assert.equal(free('cuda:0'), 81_004 * 2 ** 20);
  assert.equal(free('cuda:1'), 2 ** 30);
  assert.equal(free('cuda:0', '1,0'), 2 ** 30);
  assert.equal(free('cuda:0', 'GPU-bbbb'), 2 ** 30);
  assert.equal(free('cuda:2'), undefined);
  assert.equal(free('cuda:1', '0'), undefined);
  assert.equal(freeGpuMemory('cuda:0', { ask: () => 'no devices were found', environment: {} }), undefined);
});

test('a card takes as many children as nine tenths of its free memory hold, between one and eight, no more than cores', () => {
  assert.equal(childrenOnGpu(10e9, 80e9, 16), 7);
  assert.equal(childrenOnGpu(1e9, 80e9, 16), 8);
  assert.equal(childrenOnGpu(1e9, 80e9, 2), 2);
  assert.equal(childrenOnGpu(10e9, 5e9, 16), 1);
});

test('memory grows with the batch by the numbers of an image, which bfloat16 halves', () => {
  const plan = planNetwork(nasnetA, { cells: 2, filters: 32, input: 32, classes: 10 });
  const of = (batch: number, precision: 'float32' | 'bfloat16') => gpuMemoryOf(plan, batch, { precision }, 0);
  const [single, half] = [of(128, 'float32') - of(64, 'float32'), of(128, 'bfloat16') - of(64, 'bfloat16')];
  assert.ok(Math.abs(single / half - 2) < 1e-9);
  assert.ok(of(64, 'bfloat16') > 1e9 && of(64, 'bfloat16') < 20e9, `${of(64, 'bfloat16')}`);
});

test('the children of the paper fit several times into 80 GB, those of the laptop as often as there may be', () => {
  const each = (preset: string) => {
    const settings = settingsOf(preset, { dataset: 'cifar10', seed: 1, strategy: 'ppo' });
    return workerGpuMemory(settings, { images: 50_000, classes: 10 }, { precision: 'bfloat16' });
  };
  assert.ok(each('laptop') < each('paper'));
  assert.ok(childrenOnGpu(each('paper'), 80e9, 16) >= 4);
});

test('on the CPU the number of workers is unchanged; without nvidia-smi one child is trained at a time', () => {
  const settings = settingsOf('laptop', { dataset: 'cifar10', seed: 1, strategy: 'ppo' });
  const notes: string[] = [];
  const on = (device: string, free?: number) =>
    workersOn(
      { device, precision: 'float32' },
      settings,
      { images: 50_000, classes: 10 },
      3,
      (line) => notes.push(line),
      () => free,
    );
  assert.equal(on('cpu', 1e12), 3);
  assert.deepEqual(notes, []);
  assert.equal(on('cuda:0'), 1);
  assert.match(notes[0]!, /^On cuda:0, one child at a time: nvidia-smi does not report/);
  assert.equal(on('cuda:0', 1.5e9), 1);
});

test('a child out of memory on a GPU fails with its kind and words that help; on the CPU the error is left as it is', () => {
  const error = Object.assign(
    new Error(
      'aten::conv2d([64, 32]): CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 79.11 GiB. See documentation for PYTORCH_CUDA_ALLOC_CONF',
    ),
    { kind: 'out-of-memory' },
  );
  const found = explained(error, 'cuda:0', { batchSize: 64 }) as DeviceMemoryError;
  assert.equal(found.kind, 'out-of-memory');
  assert.match(found.message, /^cuda:0 has too little memory for this network in batches of 64: fewer workers/);
  assert.match(found.message, /Tried to allocate 2\.00 GiB\.\)$/);
  assert.equal(explained(error, 'cpu', { batchSize: 64 }), error);
  assert.equal(losesDevice(error, 'cuda:0'), false);
});

test('an error that CUDA repeats for ever ends the worker; one of ours does not', () => {
  assert.ok(losesDevice(new Error('aten::add: CUDA error: an illegal memory access was encountered'), 'cuda:0'));
  assert.ok(losesDevice(new Error('aten::conv2d: cuDNN error: CUDNN_STATUS_EXECUTION_FAILED'), 'cuda:0'));
  assert.ok(!losesDevice(new Error('aten::add: CUDA error: an illegal memory access was encountered'), 'cpu'));
  assert.ok(!losesDevice(new Error('the loss was not finite at step 3 of 10'), 'cuda:0'));
});

test('a training whose GPU is lost rejects with that and leaves process and device to the caller', async () => {
  const emptied: string[] = [];
  const trained = (device: string, message: string) =>
    onDevice(
      device,
      { batchSize: 8 },
      () => Promise.reject(new Error(message)),
      () => emptied.push(device),
    );
  const illegal = 'aten::add: CUDA error: an illegal memory access was encountered';
  await assert.rejects(trained('cuda:0', illegal), (error: Error) => {
    return error instanceof DeviceLostError && error.kind === 'device-lost' && error.message === illegal;
  });
  assert.deepEqual(emptied, [], 'a call on the lost device would hide the reason');
  await assert.rejects(trained('cuda:1', 'the loss was not finite'), /^Error: the loss was not finite$/);
  await assert.rejects(trained('cpu', illegal), (error: Error) => !(error instanceof DeviceLostError));
  assert.deepEqual(emptied, ['cuda:1']);
});
