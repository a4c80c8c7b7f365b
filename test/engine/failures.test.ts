// Errors in operators: one sentence with the operator's name and shapes, and never the end of the process.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { addon } from '../../src/engine/addon.ts';
import { empty, ones, randn, tensor } from '../../src/engine/create.ts';
import { backward } from '../../src/engine/gradient.ts';
import { call, type Value } from '../../src/engine/operator.ts';
import { avgPool2d, cat, conv2d, crossEntropy, embedding, maxPool2d } from '../../src/engine/operators.ts';
import { Tensor } from '../../src/engine/tensor.ts';

function failure(body: () => unknown): Error & { kind?: string } {
  try {
    body();
  } catch (error) {
    return error as Error;
  }
  return assert.fail('expected an error');
}

test('the error of an operator has its name, its arguments with shapes, and the reason', () => {
  const { message, kind } = failure(() => ones([2, 3]).add(ones([4], { dtype: 'int64' })));
  assert.equal(
    message,
    'aten::add.Tensor([2, 3] float32, [4] int64, 1): ' +
      'The size of tensor a (3) must match the size of tensor b (4) at non-singleton dimension 1',
  );
  assert.equal(kind, 'operator');
});

test('it also shows lists of tensors, options and absent arguments', () => {
  const joined = failure(() => cat([ones([2, 3]), ones([4])], 0)).message;
  assert.match(joined, /^aten::cat\(\(\[2, 3\] float32, \[4\] float32\), 0\): \w/);
  const convolved = failure(() => conv2d(ones([1, 2, 4, 4]), ones([3, 5, 3, 3]), { padding: 1 })).message;
  assert.match(
    convolved,
    /^aten::conv2d\(\[1, 2, 4, 4\] float32, \[3, 5, 3, 3\] float32, none, \[1,1\], \[1,1\], \[1,1\], 1\): Given groups=1/,
  );
});

test('no message has a C++ stack or a second line', () => {
  const messages = [
    failure(() => ones([2, 3]).matmul(ones([2, 3]))),
    failure(() => empty([1e14])),
    failure(() => ones([2]).to('nowhere')),
    failure(() => backward(ones([2]))),
  ].map(({ message }) => message);
  for (const message of messages) {
    assert.doesNotMatch(message, /\n|frame #|\.cpp|0x[0-9a-f]{4}/);
    assert.match(message, /^[\w:.]+(\(.*\))?: \S/);
  }
});

test('too much memory is an error of the kind out-of-memory, and the engine still works', () => {
  for (const huge of [() => empty([1e14]), () => ones([1, 1]).expand([1e8, 1e8]).contiguous()]) {
    const { kind, message } = failure(huge);
    assert.equal(kind, 'out-of-memory');
    assert.match(message, /^aten::.*memory/);
  }
  assert.equal(
    failure(() => empty([2 ** 40, 2 ** 40])).kind,
    'operator',
    'a size that no number holds is no lack of memory',
  );
  assert.equal(ones([2]).sum().item(), 2);
});

const any = (value: unknown) => value as never;
const int64 = { dtype: 'int64' } as const;

const misuses: [what: string, misuse: () => unknown, sentence: RegExp][] = [
  ['null for a tensor', () => ones([2]).matmul(any(null)), /^aten::matmul: other: expected a Tensor, got null$/],
  ['a number for a tensor', () => ones([2]).matmul(any(7)), /^aten::matmul: other: expected a Tensor, got 7$/],
  [
    'an object for a tensor',
    () => ones([2]).add(any({ handle: 1 })),
    /^aten::add.Tensor: other: expected a Tensor, got Object$/,
  ],
  ['an array for a tensor', () => ones([2]).add(any([1])), /^aten::add.Tensor: other: expected a Tensor, got Array$/],
  ['a number for tensors', () => cat(any(3)), /^aten::cat: tensors: expected an array of Tensors, got 3$/],
  [
    'a number among tensors',
    () => cat([ones([1]), any(3)]),
    /^aten::cat: tensors: expected an array of Tensors, got 3$/,
  ],
  ['a hole among tensors', () => cat([ones([1]), any(undefined)]), /^aten::cat\(.*\): the tensor was disposed or/],
  [
    'a tensor for a number',
    () => ones([2]).clamp(any(ones([1]))),
    /^aten::clamp\(\[2\] float32, an object, none\): min: expected a number$/,
  ],
  [
    'a text for a number',
    () => ones([2]).clamp(any('1')),
    /^aten::clamp\(\[2\] float32, '1', none\): min: expected a number$/,
  ],
  [
    'a fraction for an axis',
    () => ones([2]).softmax(0.5),
    /^aten::softmax.int\(\[2\] float32, 0.5\): dim: expected a whole number, got 0.5/,
  ],
  ['NaN for an axis', () => ones([2]).softmax(NaN), /dim: expected a whole number/],
  ['infinity for a length', () => ones([2]).reshape([Infinity]), /shape: expected a whole number/],
  [
    'a text for a shape',
    () => ones([2]).reshape(any('2')),
    /^aten::reshape\(\[2\] float32, '2'\): shape: expected an array$/,
  ],
  [
    'a symbol for a length',
    () => ones([2]).reshape(any([Symbol('x')])),
    /^aten::reshape\(\[2\] float32, \?\): shape: expected a whole number$/,
  ],
  [
    'an axis that is not there',
    () => ones([2]).softmax(3),
    /^aten::softmax.int\(\[2\] float32, 3\): Dimension out of range/,
  ],
  ['an unknown dtype', () => empty([2], { dtype: any('float99') }), /expected a dtype \(float32, .*\), got 'float99'$/],
  [
    'an unknown memory format',
    () => ones([2]).contiguous(any('diagonal')),
    /expected a memory format .*, got 'diagonal'$/,
  ],
  ['a device that is not there', () => ones([2]).to('cuda:99'), /^aten::to/],
  [
    'an unknown operator',
    () => call('aten::nonsense', '', []),
    /^schema: this libtorch has no operator aten::nonsense$/,
  ],
  ['too few arguments', () => call('aten::neg', '', []), /^aten::neg\(\): the argument 'self' is missing$/],
  ['too many arguments', () => call('aten::neg', '', [ones([1]), 1]), /^aten::neg\(.*\): takes at most 1 arguments$/],
  [
    'far too many arguments',
    () => call('aten::neg', '', new Array<Value>(99).fill(1)),
    /expected at most 32 arguments, got 100$|expected a Tensor/,
  ],
  ['a negative length', () => empty([-1]), /^aten::empty/],
  ['too few numbers', () => tensor([1, 2, 3], [2, 2]), /^tensor: expected 4 numbers for the shape \[2, 2\], got 3$/],
  [
    'a fractional shape',
    () => tensor([1, 2, 3], [1.5, 2]),
    /^fromBytes: argument 3: expected an array of whole numbers$/,
  ],
  [
    'numbers of a kind without a dtype',
    () => tensor(any(new Uint32Array(2))),
    /^tensor: expected numbers, got Uint32Array$/,
  ],
  ['a row that is not there', () => ones([3]).indexSelect(0, tensor([3], [1], int64)), /index out of range/],
  ['an embedding that is not there', () => embedding(tensor([-1], [1], int64), ones([2, 2])), /index out of range/],
  ['a class that is not there', () => crossEntropy(ones([1, 3]), tensor([3], [1], int64)), /out of bounds/],
  ['no groups', () => conv2d(ones([1, 1, 3, 3]), ones([1, 1, 1, 1]), { groups: 0 }), /groups/],
  ['a convolution without stride', () => conv2d(ones([1, 1, 3, 3]), ones([1, 1, 1, 1]), { stride: 0 }), /stride/],
  ['a pool without stride', () => maxPool2d(ones([1, 1, 3, 3]), { kernel: 2, stride: 0 }), /stride should not be zero/],
  ['a pool of nothing', () => avgPool2d(ones([1, 1, 3, 3]), { kernel: 0 }), /^aten::avg_pool2d/],
  ['whole numbers divided by zero', () => tensor([1], [1], int64).remainder(0), /ZeroDivisionError/],
  ['elements beyond the memory', () => call('aten::as_strided', '', [ones([2]), [100], [1]]), /out of bounds/],
  [
    'gradients of whole numbers',
    () => (tensor([1], [1], int64).requiresGrad = true),
    /^setRequiresGradient: .*floating point/i,
  ],
  [
    'backward from what recorded nothing',
    () => backward(ones([1])),
    /^backward: element 0 of tensors does not require grad/,
  ],
  [
    'backward from many elements',
    () => backward(ones([2], { requiresGrad: true }).mul(2)),
    /^backward: grad can be implicitly created only for scalar/,
  ],
  ['one number of several', () => ones([2]).item(), /^item: expected a tensor with one element, got the shape \[2\]$/],
  ['a tensor that is none', () => (Object.create(Tensor.prototype) as Tensor).add(1), /private/],
];

for (const [what, misuse, sentence] of misuses) {
  test(`${what}: an error in one sentence`, () => {
    assert.match(failure(misuse).message, sentence);
  });
}

test('invalid handles and values of every kind cannot crash the native side', () => {
  const native = addon() as unknown as Record<string, (...values: unknown[]) => unknown>;
  const { id } = addon().schema('aten::add', 'Tensor');
  const values = [
    undefined,
    null,
    -1,
    0,
    1e9,
    NaN,
    Infinity,
    0.5,
    'text',
    Symbol('x'),
    {},
    [],
    [-1],
    new Int32Array([99999]),
    new Uint8Array(3),
    2n ** 80n,
    () => 1,
  ];
  const tables = Object.entries(native).filter(
    ([name]) => !['setThreads', 'manualSeed', 'setGradientMode', 'endProcess'].includes(name),
  );
  for (const [, run] of tables) {
    for (const one of values) for (const other of values) attempt(() => run(one, other, other, one));
  }
  for (const one of values) for (const other of values) assert.throws(() => native.call!(id, one, other));
  assert.equal(ones([2]).add(1).sum().item(), 4);
});

function attempt(body: () => unknown): void {
  try {
    body();
  } catch (error) {
    assert.ok(error instanceof Error);
  }
}

test('a getter among the arguments may call operators', () => {
  const [matrix, lengths] = [randn([2, 2]), [0]];
  Object.defineProperty(lengths, 0, {
    get: () => {
      for (const name of ['sinh', 'cosh', 'erf', 'expm1', 'log1p', 'atan', 'asinh'])
        call(`aten::${name}`, '', [matrix]);
      return 4;
    },
  });
  assert.deepEqual([...matrix.reshape(lengths).toArray()], [...matrix.toArray()]);
});

test('a process with live tensors exits normally, with or without process.exit', () => {
  for (const end of ['', 'process.exit(0);', 'setTimeout(() => process.exit(0), 1);']) {
    const module = new URL('../../src/engine/create.ts', import.meta.url);
    const code = `import { ones } from '${module}'; globalThis.held = ones([1000]).add(1); ${end}`;
    const { status, signal, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', code], {
      encoding: 'utf8',
    });
    assert.deepEqual({ status, signal, stderr }, { status: 0, signal: null, stderr: '' });
  }
});
