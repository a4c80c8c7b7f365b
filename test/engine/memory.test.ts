// Freeing tensors: scopes, keep, dispose, the collector, and the memory that is reported to V8.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { empty, ones, randn, tensor } from '../../src/engine/create.ts';
import { backward } from '../../src/engine/gradient.ts';
import { free, keep, liveTensors, noGrad, scope } from '../../src/engine/memory.ts';
import type { Tensor } from '../../src/engine/tensor.ts';
import { collect } from './garbage.ts';

/** Returns the difference of live tensors after and before a function. */
function addedTensors(body: () => unknown): number {
  const before = liveTensors();
  body();
  return liveTensors() - before;
}

test('a scope frees the tensors of its function and keeps the returned one', () => {
  const made = addedTensors(() => {
    const sum = scope(() => {
      const one = ones([3]);
      return one.add(2).mul(2).sum(); // five tensors
    });
    assert.equal(sum.item(), 18);
  });
  assert.equal(made, 1);
});

test('tensors returned in arrays, maps and plain objects survive, next to other values', () => {
  const made = addedTensors(() => {
    const { list, map, object, text } = scope(() => ({
      list: [ones([1]), [ones([2])]],
      map: new Map([['a', ones([3])]]),
      object: { deep: Object.assign(Object.create(null), { tensor: ones([4]) }) },
      text: `${ones([5]).size}`,
    }));
    assert.equal(text, '5');
    const shapes = [list[0], (list[1] as Tensor[])[0], map.get('a'), object.deep.tensor] as Tensor[];
    assert.deepEqual(
      shapes.map((each) => each.shape),
      [[1], [2], [3], [4]],
    );
  });
  assert.equal(made, 4);
});

test('a tensor returned from an inner scope is freed at the end of the outer one', () => {
  let inner: Tensor | undefined;
  const made = addedTensors(() =>
    scope(() => {
      inner = scope(() => ones([2]).add(1));
      assert.deepEqual([...inner.toArray()], [2, 2]);
    }),
  );
  assert.equal(made, 0);
  assert.ok(inner!.disposed);
});

test('a tensor returned twice or created outside is freed neither early nor twice', () => {
  const outside = ones([2]);
  const made = addedTensors(() => {
    const [one, same, other] = scope(() => {
      const each = outside.add(1);
      return [each, each, outside];
    });
    assert.equal(one, same);
    assert.equal(other, outside);
    one!.dispose();
    one!.dispose();
  });
  assert.equal(made, 0);
  assert.deepEqual([...outside.toArray()], [1, 1]);
});

test('a kept tensor outlives every scope around it, until it is disposed', () => {
  let survivor: Tensor | undefined;
  const made = addedTensors(() =>
    scope(() => {
      scope(() => {
        survivor = keep(keep(ones([2])));
      });
    }),
  );
  assert.equal(made, 1);
  assert.deepEqual([...survivor!.toArray()], [1, 1]);
  assert.equal(
    addedTensors(() => survivor!.dispose()),
    -1,
  );
});

test('a scope whose function throws frees everything except kept tensors, and the outer scope continues', () => {
  const made = addedTensors(() =>
    scope(() => {
      const thrown = new Error('mine');
      assert.throws(
        () =>
          scope(() => {
            ones([2]).add(1);
            throw thrown;
          }),
        (error) => error === thrown,
      );
      assert.equal(ones([2]).sum().item(), 2);
    }),
  );
  assert.equal(made, 0);
});

test('an operator that fails leaves no tensor behind', () => {
  const made = addedTensors(() => assert.throws(() => scope(() => ones([2]).add(ones([3])))));
  assert.equal(made, 0);
});

test('a function that returns a promise is refused, and its later errors are ignored', async () => {
  const body = async () => {
    const early = ones([2]);
    await new Promise(setImmediate);
    return early.add(1); // disposed by now
  };
  const expected = /^TypeError: scope: expected a synchronous function, got one that returns a promise$/;
  const made = addedTensors(() => assert.throws(() => scope(body), expected));
  assert.equal(made, 0);
  assert.throws(() => noGrad(body), /^TypeError: noGrad: expected a synchronous function/);
  await new Promise(setImmediate);
  await new Promise(setImmediate); // an unhandled rejection would have ended this process
});

test('using a disposed tensor is an error that says so', () => {
  const gone = ones([2, 3]);
  assert.deepEqual(gone.shape, [2, 3]);
  gone.dispose();
  ones([7]); // reuses the handle of the disposed one
  const disposed = /^Error: The tensor was disposed: it cannot be used any more$/;
  assert.throws(() => gone.add(1), disposed);
  assert.throws(() => ones([2]).add(gone), disposed);
  assert.throws(() => gone.toArray(), disposed);
  assert.throws(() => gone.strides, disposed);
  assert.throws(() => backward(gone), disposed);
  assert.ok(gone.disposed);
});

test('a view keeps its memory when its base is disposed', () => {
  const base = tensor([1, 2, 3, 4], [2, 2]);
  const view = base.select(0, 1);
  base.dispose();
  assert.deepEqual([...view.toArray()], [3, 4]);
});

test('a thousand steps of backward leave no live tensor', () => {
  const weight = keep(randn([8, 8], { requiresGrad: true }));
  const step = () =>
    scope(() =>
      backward(
        weight
          .matmul(randn([8, 8]))
          .tanh()
          .square()
          .mean(),
      ),
    );
  step();
  const flat = addedTensors(() => {
    for (let each = 0; each < 1000; each++) step();
  });
  assert.equal(flat, 0);
});

test('noGrad records nothing and ends with its function, even one that throws', () => {
  const weight = ones([2], { requiresGrad: true });
  assert.equal(noGrad(() => weight.mul(2)).requiresGrad, false);
  assert.throws(() =>
    noGrad(() => {
      throw new Error('mine');
    }),
  );
  assert.equal(weight.mul(2).requiresGrad, true);
});

test('outside any scope garbage collection frees unreferenced tensors, and only those', async () => {
  await collect();
  const before = liveTensors();
  const held = ones([3]);
  for (let each = 0; each < 100; each++) ones([10]).add(1);
  assert.equal(liveTensors() - before, 201);
  await collect();
  assert.equal(liveTensors() - before, 1);
  assert.deepEqual([...held.toArray()], [1, 1, 1]);
});

test('the collector never frees a handle that was disposed and reused', async () => {
  await collect(); // garbage of earlier tests
  const before = liveTensors();
  const list = Array.from({ length: 50 }, () => ones([2]));
  free(list);
  list.length = 0;
  const others = Array.from({ length: 50 }, (_, index) => tensor([index]));
  await collect();
  assert.deepEqual(
    others.map((each) => each.item()),
    others.map((_, index) => index),
  );
  assert.equal(liveTensors() - before, 50);
});

test('V8 collects on its own when tensors outside any scope take much memory', async () => {
  await collect();
  const before = liveTensors();
  let most = 0;
  for (let each = 0; each < 500; each++) {
    empty([2 ** 22]); // 16 MiB, 8 GiB in total: the objects alone would not make V8 collect
    await new Promise(setImmediate);
    most = Math.max(most, liveTensors() - before);
  }
  assert.ok(most < 100, `${most} tensors lived at once`);
});

test('V8 knows about freed memory: tensors that are disposed at once do not make it collect', async () => {
  await collect();
  for (let each = 0; each < 20; each++) ones([1]); // a collection would free them
  const before = liveTensors();
  for (let each = 0; each < 500; each++) {
    const large = empty([2 ** 22]);
    free([large, large.narrow(0, 0, 7)]); // the view has no separate memory
    await new Promise(setImmediate);
  }
  assert.equal(liveTensors(), before);
});
