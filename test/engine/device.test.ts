// The values of --device and their meaning on a machine without a GPU and, with a fake addon, on a machine with two.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { addon } from '../../src/engine/addon.ts';
import { capturesGraphs, Graph } from '../../src/engine/cuda-graph.ts';
import { computingOn, resolveDevice, trainingOn } from '../../src/engine/device.ts';
import { InputError } from '../../src/failure.ts';

const [driver, noDriver] = [() => true, () => false];

/** Runs `body` with an addon that reports these devices. */
function seeing(devices: string[], body: () => void): void {
  const native = addon();
  const before = native.devices;
  native.devices = () => devices;
  try {
    body();
  } finally {
    native.devices = before;
  }
}

const refuses = (word: string, seen: () => boolean, sentence: RegExp) =>
  assert.throws(
    () => resolveDevice(word, seen),
    (error: Error) => error instanceof InputError && sentence.test(error.message),
  );

test('without a GPU auto is the CPU, and cuda is refused with the reason', () => {
  seeing(['cpu'], () => {
    assert.equal(resolveDevice('auto', noDriver), 'cpu');
    assert.equal(resolveDevice('auto', driver), 'cpu');
    assert.equal(resolveDevice('cpu', noDriver), 'cpu');
    refuses('cuda', noDriver, /^device: expected a GPU for cuda, found none: there is no NVIDIA driver/);
    refuses('cuda:1', driver, /found none: libtorch [\d.]+ is built without CUDA or too new for the driver/);
  });
});

test('with GPUs auto and cuda are the first, others have numbers, and a number too high is refused with the existing ones', () => {
  seeing(['cpu', 'cuda:0', 'cuda:1'], () => {
    assert.equal(resolveDevice('auto', driver), 'cuda:0');
    assert.equal(resolveDevice('cuda', driver), 'cuda:0');
    assert.equal(resolveDevice('cuda:1', driver), 'cuda:1');
    refuses('cuda:2', driver, /^device: expected one of cpu, cuda:0, cuda:1, got cuda:2$/);
  });
});

test('any other word is refused', () => {
  for (const word of ['gpu', 'cuda:', 'cuda:x', 'mps', '', 'CPU'])
    refuses(word, driver, /^device: expected auto, cpu, cuda or cuda:N, got "/);
});

test('the default precision is float32 on the CPU, bfloat16 on a GPU', () => {
  assert.deepEqual(computingOn('cpu'), { device: 'cpu', precision: 'float32' });
  assert.deepEqual(computingOn('cpu', 'bfloat16'), { device: 'cpu', precision: 'bfloat16' });
  seeing(['cpu', 'cuda:0'], () => {
    assert.deepEqual(computingOn('cuda'), { device: 'cuda:0', precision: 'bfloat16' });
    assert.deepEqual(computingOn('cuda', 'float32'), { device: 'cuda:0', precision: 'float32' });
  });
});

test('one machine trains in bfloat16 on a CPU with instructions for it, and in what is asked for on any', () => {
  const { NASNET_KERNELS: asked = 'avx512bf16' } = process.env;
  const fast = asked === 'avx512bf16' && /^flags.* avx512_bf16( |$)/m.test(readFileSync('/proc/cpuinfo', 'utf8'));
  assert.deepEqual(trainingOn('cpu'), { device: 'cpu', precision: fast ? 'bfloat16' : 'float32' });
  assert.deepEqual(trainingOn('cpu', 'float32'), { device: 'cpu', precision: 'float32' });
  assert.deepEqual(trainingOn('cpu', 'bfloat16'), { device: 'cpu', precision: 'bfloat16' });
  seeing(['cpu', 'cuda:0'], () => {
    assert.deepEqual(trainingOn('cuda'), { device: 'cuda:0', precision: 'bfloat16' });
  });
});

test('nothing is captured on the CPU, and without CUDA in the addon the error says so', { skip: hasCuda() }, () => {
  assert.equal(capturesGraphs('cpu'), false);
  assert.equal(capturesGraphs('cuda:0'), false);
  assert.throws(() => Graph.capture(() => {}), /compiled without CUDA/);
});

function hasCuda(): boolean {
  return addon().beginCapture !== undefined;
}
