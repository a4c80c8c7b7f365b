// Whole networks in 8 bits: their weights against those of the float32 file, their logits in onnxruntime against the
// float32 network's, and what onnxruntime makes of the file.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { InferenceSession } from 'onnxruntime-node';
import * as web from 'onnxruntime-web';
import { randn } from '../../../../src/engine/create.ts';
import { setThreads } from '../../../../src/engine/machine.ts';
import { Generator } from '../../../../src/engine/random.ts';
import { buildOnnx } from '../../../../src/export/onnx/export-onnx.ts';
import { encodeInt8, int8Graph } from '../../../../src/export/onnx/int8/export-int8.ts';
import { openSession } from '../../../../src/export/onnx/session.ts';
import { Failure } from '../../../../src/failure.ts';
import type { PlanOptions } from '../../../../src/plan/plan.ts';
import { RandomStream } from '../../../../src/random/stream.ts';
import { decode } from '../../../../src/space/decisions.ts';
import { nasnetA } from '../../../../src/space/published.ts';
import { sampleDecisions } from '../../../../src/space/sample.ts';
import { temporaryFolder } from '../../../data/temporary.ts';
import { type Example, example } from '../networks.ts';
import { fields, readModel, text } from '../wire.ts';

setThreads(1);
web.env.wasm.numThreads = 1;

const folder = temporaryFolder({ after });
const images = ({ network }: Example, count: number, seed: number) => {
  const [height, width, channels] = network.plan.input;
  return randn([count, channels, height, width], { generator: new Generator(seed) });
};

/** Returns the bytes of the file in 8 bits, with ranges of twelve random images. */
async function int8Bytes(built: Example, weightBits: 8 | 7 = 8): Promise<Uint8Array> {
  const options = { ranges: 'min-max', weightBits, threads: 1 } as const;
  const graph = await int8Graph(built.network, images(built, 12, 1), options);
  const calibration = { images: 12, of: 'noise', seed: 1 };
  const record = { weightBits, activationBits: 8, ranges: 'min-max', calibration } as const;
  return Buffer.concat([...encodeInt8(graph, built.description, record).chunks]);
}

async function logitsOf(model: Uint8Array, built: Example): Promise<Float32Array> {
  const session = await openSession(model, { threads: 1 });
  const others = images(built, 8, 2);
  const logits = await session.run(others.toArray() as Float32Array, others.shape);
  await session.close();
  return logits;
}

/** Returns ‖a − b‖ / ‖a − mean of a‖: 1 says that b tells nothing of a. */
function relativeError(a: Float32Array, b: Float32Array): number {
  const mean = a.reduce((sum, value) => sum + value, 0) / a.length;
  const [error, spread] = [0, 0].map((_, which) =>
    a.reduce((sum, value, index) => sum + (value - (which === 0 ? b[index]! : mean)) ** 2, 0),
  );
  return Math.sqrt(error! / spread!);
}

const floats = (bytes: Uint8Array) =>
  new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
const small = () => example(nasnetA, { cells: 1, filters: 8, input: 16, classes: 10 }, 1);

for (const weightBits of [8, 7] as const) {
  test(`weights of ${weightBits} bits are within half a step of the float32 ones, in each channel`, async () => {
    const built = small();
    const exact = new Map(
      readModel(buildOnnx(built.network, built.description)).weights.map((each) => [each.name, each]),
    );
    const { weights } = readModel(await int8Bytes(built, weightBits));
    const byName = new Map(weights.map((each) => [each.name, each]));
    const rounded = weights.filter(({ name, dataType }) => dataType === 3 && name.endsWith('.weight'));
    assert.equal(rounded.length, [...exact.keys()].filter((name) => name.endsWith('.weight')).length);
    for (const { name, bytes } of rounded) {
      const [values, steps] = [
        new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length),
        floats(byName.get(`${name}.scale`)!.bytes),
      ];
      const weight = floats(exact.get(name)!.bytes);
      const size = weight.length / steps.length;
      const largest = new Float32Array(steps.length);
      weight.forEach((value, index) => {
        const channel = Math.floor(index / size);
        const difference = Math.abs(value - steps[channel]! * values[index]!);
        assert.ok(difference <= steps[channel]! * 0.500001, `${name}[${index}]: ${difference} of ${steps[channel]}`);
        largest[channel] = Math.max(largest[channel]!, Math.abs(value));
      });
      const most = weightBits === 8 ? 127 : 63;
      for (const [channel, step] of steps.entries())
        assert.ok(Math.abs(step * most - largest[channel]!) <= 1e-6 * largest[channel]!, `${name}: channel ${channel}`);
    }
  });
}

test('logits in 8 bits are near those of float32, with 7 bits a little less', async () => {
  const built = example(nasnetA, { cells: 2, filters: 8, input: 16, classes: 10 }, 3);
  const exact = await logitsOf(buildOnnx(built.network, built.description), built);
  const [eight, seven] = [await int8Bytes(built), await int8Bytes(built, 7)];
  const errors = [
    relativeError(exact, await logitsOf(eight, built)),
    relativeError(exact, await logitsOf(seven, built)),
  ];
  assert.ok(errors[0]! < 0.1 && errors[1]! < 0.15, `${errors}`);
});

test('random architectures in both layouts, of all three spaces, give nearly the same logits', async (t) => {
  const errors: number[] = [];
  for (const [seed, space] of (['a', 'b', 'c'] as const).entries()) {
    const architecture = decode(sampleDecisions(new RandomStream(seed), undefined, space), space);
    const layouts: PlanOptions[] = [
      { cells: 1, filters: 8, input: [17, 14], classes: 10 },
      { layout: 'imagenet', cells: 1, filters: 8, input: 64, stemChannels: 8, classes: 11 },
    ];
    for (const options of layouts) {
      const built = example(architecture, options, seed);
      const exact = await logitsOf(buildOnnx(built.network, built.description), built);
      const error = relativeError(exact, await logitsOf(await int8Bytes(built), built));
      assert.ok(error < 0.2, `seed ${seed}, ${options.layout ?? 'cifar'}: ${error}`);
      errors.push(error);
      built.network.dispose();
    }
  }
  t.diagnostic(`relative errors ${errors.map((error) => error.toFixed(3)).join(', ')}`);
});

test('onnxruntime computes every convolution, sum, concatenation and pool with integers', async () => {
  const optimised = join(folder, 'optimised.onnx');
  const options = {
    optimizedModelFilePath: optimised,
    graphOptimizationLevel: 'extended',
    logSeverityLevel: 3,
  } as const;
  const session = await InferenceSession.create(await int8Bytes(small()), options);
  await session.release();
  const graph = fields(fields(readFileSync(optimised)).get(7)![0] as Uint8Array);
  const operators = graph.get(1)!.map((node) => text(fields(node as Uint8Array).get(4)![0]));
  const present = new Set(operators);
  for (const name of ['QLinearConv', 'QLinearAdd', 'QLinearConcat', 'QLinearAveragePool', 'QGemm', 'MaxPool'])
    assert.ok(present.has(name), name);
  for (const name of ['Conv', 'Add', 'Concat', 'AveragePool', 'Gemm', 'GlobalAveragePool', 'Relu'])
    assert.ok(!present.has(name), name);
});

test('the browser’s runtime gives nearly the same logits', async () => {
  const built = small();
  const bytes = await int8Bytes(built);
  const expected = await logitsOf(bytes, built);
  const others = images(built, 8, 2);
  const session = await web.InferenceSession.create(bytes);
  const results = await session.run({
    images: new web.Tensor('float32', others.toArray() as Float32Array, others.shape),
  });
  await session.release();
  assert.ok(relativeError(expected, results.logits!.data as Float32Array) < 0.05);
});

test('the same images give the same file, and the file says how it was made', async () => {
  const built = small();
  const [one, other] = [await int8Bytes(built), await int8Bytes(built)];
  assert.deepEqual(one, other);
  const { metadata } = readModel(one);
  assert.deepEqual(JSON.parse(metadata.quantisation!), {
    weightBits: 8,
    activationBits: 8,
    ranges: 'min-max',
    calibration: { images: 12, of: 'noise', seed: 1 },
  });
  assert.equal(JSON.parse(metadata.classes!).length, 10);
});

test('a network whose activations are no numbers is refused', async () => {
  const built = small();
  built.network.stateDict()['cell_0.block_0.left.separable_1.depthwise.weight']!.detach().fill_(Number.NaN);
  await assert.rejects(int8Bytes(built), (error: Error) => {
    assert.ok(error instanceof Failure);
    assert.match(error.message, /^cell_0\..*: expected finite numbers on the calibration images, got others$/);
    return true;
  });
});
