// Processes that meet and exchange tensors: by Gloo, where the addon has it, and by our own ring.

import assert from 'node:assert/strict';
import { resolve } from 'node:path';
import { test } from 'node:test';
import { freePort } from '../../src/replicas/free-port.ts';
import { transports } from '../../src/replicas/join-replicas.ts';
import { Machine, skip as noMachines } from '../cluster/machine.ts';
import { listening } from '../ports.ts';
import { type MemberEnd, runMembers, startMember } from './members.ts';

const create = JSON.stringify(resolve(import.meta.dirname, '../../src/engine/create.ts'));
const hasGloo = transports().includes('gloo');

const sums = `
  const { tensor, zeros } = await import(${create});
  const own = (length, dtype) => tensor(Float64Array.from({ length }, (_, place) => (place + 1) / 3 + given.rank * 10), [length]).to(dtype);
  const sumOf = (length, dtype) => { const all = own(length, dtype); replicas.allReduce(all); return [...all.to('float64').toArray()]; };
  const first = own(5, 'float32');
  replicas.broadcast(first);
  return {
    transport: replicas.transport,
    float64: sumOf(7, 'float64'), bfloat16: sumOf(3, 'bfloat16'), int64: sumOf(4, 'int64'), one: sumOf(1, 'float32'),
    large: sumOf(300001, 'float32').filter((_, place) => place % 100000 === 0),
    first: [...first.to('float64').toArray()],
  };`;

/** The sums by arithmetic: element i of rank r is (i + 1) / 3 + 10 r. */
const expectedSum = (length: number, count: number) =>
  Array.from({ length }, (_, place) => (count * (place + 1)) / 3 + (10 * count * (count - 1)) / 2);

function assertClose(found: number[], expected: number[], relative: number): void {
  assert.equal(found.length, expected.length);
  for (const [place, value] of found.entries())
    assert.ok(Math.abs(value - expected[place]!) <= relative * Math.abs(expected[place]!), `${found}, not ${expected}`);
}

for (const transport of ['ring', 'gloo']) {
  for (const count of [2, 3]) {
    const skip = transport === 'gloo' && !hasGloo && 'this addon is built without Gloo';
    test(`${count} replicas over ${transport} have the sums, and the tensors of the first one`, { skip }, async () => {
      const ended = await runMembers(count, { transports: [transport], body: sums });
      for (const { code, stderr } of ended) assert.equal(code, 0, stderr);
      const results = ended.map(({ result }) => result as Record<string, number[]> & { transport: string });
      for (const { transport: used, float64, bfloat16, one, large, first } of results) {
        assert.equal(used, transport);
        assertClose(float64!, expectedSum(7, count), 1e-15);
        assertClose(bfloat16!, expectedSum(3, count), 2 ** -6);
        assertClose(one!, expectedSum(1, count), 1e-6);
        const places = expectedSum(300001, count).filter((_, place) => place % 100000 === 0);
        assertClose(large!, places, 1e-6);
        assertClose(first!, expectedSum(5, 1), 1e-6);
      }
      const integers = Array.from({ length: 4 }, (_, place) => count * Math.trunc((place + 1) / 3));
      const ranks = 5 * count * (count - 1);
      // 10 r + (i + 1) / 3 without its fraction
      assert.deepEqual(
        results[0]!.int64,
        integers.map((value) => value + ranks),
      );
      for (const { large, float64 } of results) {
        assert.deepEqual(large, results[0]!.large, 'the same bits everywhere');
        assert.deepEqual(float64, results[0]!.float64);
      }
    });
  }
}

test('the sum over replicas has the sum of their gradients as its gradient', async () => {
  const body = `
    const { tensor } = await import(${create});
    const { operator } = await import(${JSON.stringify(resolve(import.meta.dirname, '../../src/engine/operator.ts'))});
    const { backward } = await import(${JSON.stringify(resolve(import.meta.dirname, '../../src/engine/gradient.ts'))});
    const own = tensor(Float64Array.of(1 + given.rank, 2), [2]);
    own.requiresGrad = true;
    const all = operator('nasnet::sum_over').tensor(own, replicas.groupFor('cpu'));
    backward(all.mul(3 + given.rank).sum());
    return { all: [...all.detach().toArray()], gradient: [...own.grad.toArray()] };`;
  for (const { code, stderr, result } of await runMembers(2, { body })) {
    assert.equal(code, 0, stderr);
    assert.deepEqual(result, { all: [3, 4], gradient: [7, 7] }); // 1 + 2, 2 + 2; 3 + 4
  }
});

const waits = 'console.log("joined"); await new Promise((done) => setTimeout(done, 600000));';
const patience = { join: 60_000, silence: 3000 };

/** Two members that wait for each other in a reduction that never ends; the second is treated badly. */
async function lost(treat: (victim: import('node:child_process').ChildProcess) => void): Promise<MemberEnd[]> {
  const port = await freePort();
  const reduces = `const { zeros } = await import(${create}); console.log('joined'); replicas.allReduce(zeros([1]));`;
  const first = startMember({ rank: 0, count: 2, port, patience, body: reduces });
  const second = startMember({ rank: 1, count: 2, port, patience, body: waits });
  await Promise.all([first.line('joined'), second.line('joined')]);
  treat(second.process);
  const ended = await first.ended;
  second.process.kill('SIGKILL');
  return [ended, await second.ended];
}

test('a replica that is killed ends the others with a sentence', async () => {
  const [first] = await lost((victim) => victim.kill('SIGKILL'));
  assert.equal(first!.code, 1);
  assert.match(first!.stderr, /^Failure: replica 1 of 2 ended$/m);
});

test('a replica that is stopped is noticed by its silence, though the others wait inside the engine', async () => {
  const [first] = await lost((victim) => victim.kill('SIGSTOP'));
  assert.equal(first!.code, 1);
  assert.match(first!.stderr, /^nasnet: replica 1 of 2 has been silent for 3 s$/m);
});

test('the end of the first replica ends the others', async () => {
  const port = await freePort();
  const [first, second] = [0, 1].map((rank) => startMember({ rank, count: 2, port, patience, body: waits }));
  await Promise.all([first!.line('joined'), second!.line('joined')]);
  first!.process.kill('SIGKILL');
  const { code, stderr } = await second!.ended;
  assert.equal(code, 1);
  assert.match(stderr, /^nasnet: replica 0 of 2 ended$/m);
});

test('an error of one replica is the sentence of the others', async () => {
  const body = `
    const { zeros } = await import(${create});
    if (given.rank === 1) { await replicas.fail('the loss was not finite'); process.exit(1); }
    replicas.allReduce(zeros([1]));`;
  const [first] = await runMembers(2, { patience, body });
  assert.match(first!.stderr, /^Failure: replica 1 of 2 failed: the loss was not finite$/m);
  const advised = body.replace('finite', 'finite; start again'); // as of a replica that has ended with its advice
  const [other] = await runMembers(2, { patience, body: advised, advice: 'start again' });
  assert.match(other!.stderr, /^Failure: replica 1 of 2 failed: the loss was not finite; start again$/m);
});

const joins = 'return 1';

test('replicas that were started with other flags are refused, and the right ones still join', async () => {
  const port = await freePort();
  const common = { port, patience, body: joins, training: { seed: 1, recipe: { epochs: 2 } } };
  const first = startMember({ ...common, rank: 0, count: 2 });
  await listening(port); // else the second rank 0 may be the one that listens
  const refused = await Promise.all(
    [
      { ...common, rank: 1, count: 3 },
      { ...common, rank: 0, count: 2, isFirst: false },
      { ...common, rank: 1, count: 2, training: { seed: 1, recipe: { epochs: 3 } } },
    ].map((options) => startMember(options).ended),
  );
  assert.match(refused[0]!.stderr, /^InputError: replicas: expected 2 as at replica 0, got 3$/m);
  assert.match(refused[1]!.stderr, /^InputError: rendezvous: expected a free port, got 127\.0\.0\.1:\d+, where/m);
  assert.match(refused[2]!.stderr, /^InputError: expected the training of replica 0, got recipe\.epochs: 3, there 2$/m);
  const second = startMember({ ...common, rank: 1, count: 2 });
  assert.deepEqual(await Promise.all([first.ended, second.ended].map(async (end) => (await end).code)), [0, 0]);
});

test('two replicas of one rank: the second one is refused', async () => {
  const port = await freePort();
  const common = { port, patience, count: 3, body: joins };
  const first = startMember({ ...common, rank: 0 });
  const twins = [startMember({ ...common, rank: 1 }), startMember({ ...common, rank: 1 })];
  const refused = await Promise.race(twins.map(({ ended }) => ended));
  assert.match(refused.stderr, /^InputError: rank: expected another one, since replica 1 has joined$/m);
  startMember({ ...common, rank: 2 });
  assert.equal((await first.ended).code, 0);
});

test('who does not come in time is named', async () => {
  const port = await freePort();
  const short = { ...patience, join: 1000 };
  const alone = { port, patience: short, body: joins };
  const [first, other] = await Promise.all([
    startMember({ ...alone, rank: 0, count: 3 }).ended,
    startMember({ ...alone, port: await freePort(), rank: 1, count: 2 }).ended,
  ]);
  assert.match(first.stderr, /^Failure: replicas 1, 2 of 3 did not join within 1 s$/m);
  assert.match(other.stderr, /^InputError: rendezvous: expected replica 0 at 127\.0\.0\.1:\d+, got no answer for 1 s/m);
});

test('another program at the rendezvous is named', async () => {
  const { createServer } = await import('node:http');
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((listening) => server.once('listening', listening));
  const { port } = server.address() as { port: number };
  const { stderr } = await startMember({ rank: 1, count: 2, port, patience, body: joins }).ended;
  server.close();
  assert.match(stderr, /^InputError: rendezvous: expected replica 0 of a training at .*, got another program$/m);
});

test('an address that is not of this machine cannot be the rendezvous of replica 0', async () => {
  const { stderr } = await startMember({ rank: 0, count: 2, host: '192.0.2.1', port: 1, body: joins }).ended;
  assert.match(stderr, /^InputError: rendezvous: expected an address of this machine, .* got 192\.0\.2\.1:1$/m);
});

test('replicas on two machines have the sums; a link that is cut is noticed by silence on both sides', {
  skip: noMachines,
}, async () => {
  using machine = new Machine();
  const body = `
    const { tensor } = await import(${create});
    const own = tensor(Float64Array.of(1 + given.rank), [1]);
    replicas.allReduce(own);
    console.log('sum ' + own.item());
    ${waits}`;
  const common = { count: 2, host: machine.here, port: await freePort(), patience, body };
  const members = [startMember({ ...common, rank: 0 }), startMember({ ...common, rank: 1, machine })];
  await Promise.all(members.map((member) => member.line('sum 3')));
  machine.cut();
  const [first, second] = await Promise.all(members.map(({ ended }) => ended));
  assert.match(first!.stderr, /replica 1 of 2 has been silent for 3 s$/m);
  assert.match(second!.stderr, /replica 0 of 2 has been silent for 3 s$/m);
});
