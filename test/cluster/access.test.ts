// Who may use a queue: passwords, a user with no more rights than docs/cluster.md gives, TLS with certificates of its
// own authority; and what a server's set-up lacks.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, suite, test } from 'node:test';
import { freePort } from '../../src/replicas/free-port.ts';
import { accessFrom, connect, parseServer, serverName, serverProblems } from '../../src/store/redis-connection.ts';
import { resultOf } from '../workers/runner-contract.ts';
import { newAgent, newSearch } from './cluster.ts';
import { RedisServer, skip } from './redis-server.ts';

const folder = mkdtempSync(join(tmpdir(), 'nasnet-access-'));
after(() => rmSync(folder, { recursive: true }));

test('an address has a host and perhaps a port and a database, and never a password', () => {
  assert.deepEqual(parseServer('redis://head'), { host: 'head', port: 6379, tls: false, database: 0 });
  assert.equal(serverName(parseServer('rediss://[::1]:7000/3')), 'rediss://[::1]:7000/3');
  assert.throws(() => parseServer('head:6379'), /queue: expected an address such as redis:\/\/HOST:PORT/);
  assert.throws(
    () => parseServer('redis://me:secret@head'),
    (error: Error) =>
      /others can read command lines; set NASNET_QUEUE_USER/.test(error.message) && !/secret/.test(error.message),
  );
});

test('a password may be in a file', () => {
  const path = join(folder, 'password');
  writeFileSync(path, 'secret\n');
  assert.deepEqual(accessFrom({ NASNET_QUEUE_USER: 'me', NASNET_QUEUE_PASSWORD_FILE: path }), {
    user: 'me',
    password: 'secret',
  });
  assert.throws(
    () => accessFrom({ NASNET_QUEUE_PASSWORD_FILE: `${path}.none` }),
    /NASNET_QUEUE_PASSWORD_FILE: expected a file/,
  );
});

suite('a server', { skip, timeout: 120_000 }, () => {
  test('refuses a wrong password at once, in a sentence without it', async () => {
    await using server = await RedisServer.start('--requirepass', 'right');
    await assert.rejects(
      connect(server.address, { access: {} }),
      /^InputError: redis:.* expected a password, got none; set NASNET_QUEUE_PASSWORD/,
    );
    await assert.rejects(connect(server.address, { access: { password: 'wrong' } }), (error: Error) => {
      assert.match(error.message, /expected another user or password than those in the environment$/);
      return !/wrong/.test(error.message);
    });
  });

  test('that does not answer is a failure that says so', async () => {
    const address = { host: '127.0.0.1', port: await freePort(), tls: false, database: 0 };
    await assert.rejects(
      connect(address, { access: {}, patience: 0 }),
      /^Failure: .*: the queue's server does not answer \(/,
    );
  });

  test('lets the user of docs/cluster.md do all that searches and workers do, and nothing that harms others', async () => {
    const page = readFileSync(resolve(import.meta.dirname, '../../docs/cluster.md'), 'utf8');
    const [rights = ''] = /^user default off\nuser nasnet .*$/m.exec(page) ?? [];
    writeFileSync(join(folder, 'users.acl'), `${rights.replace('PASSWORD', 'secret')}\n`);
    await using server = await RedisServer.start('--aclfile', join(folder, 'users.acl'));
    const access = { user: 'nasnet', password: 'secret' };
    await using search = await newSearch(server.address, { access });
    await using _worker = await newAgent(server.address, { access });
    assert.equal(resultOf(await search.runner.run({ action: 'double', value: 4 }, { key: 't0-r0' })), 8);
    await search.queue.pause(true);
    await search.queue.pause(false);
    await search.queue.close({ finished: true });
    await using connection = await connect(server.address, { access });
    assert.deepEqual(await serverProblems(connection), []);
    for (const words of [['flushall'], ['config', 'get', '*'], ['keys', '*'], ['shutdown'], ['get', 'of others']])
      await assert.rejects(connection.redis.call(words[0]!, ...words.slice(1)), /NOPERM/);
  });

  test('with TLS takes who has a certificate of its authority, and nobody else', async () => {
    const openssl = (...words: string[]) => execFileSync('openssl', words, { cwd: folder, stdio: 'ignore' });
    openssl(
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-keyout',
      'ca.key',
      '-out',
      'ca.crt',
      '-subj',
      '/CN=authority',
      '-days',
      '2',
    );
    for (const name of ['server', 'client']) {
      openssl(
        'req',
        '-newkey',
        'rsa:2048',
        '-nodes',
        '-keyout',
        `${name}.key`,
        '-out',
        `${name}.csr`,
        '-subj',
        `/CN=${name}`,
      );
      writeFileSync(join(folder, `${name}.ext`), 'subjectAltName=DNS:localhost\n');
      openssl(
        'x509',
        '-req',
        '-in',
        `${name}.csr`,
        '-CA',
        'ca.crt',
        '-CAkey',
        'ca.key',
        '-CAcreateserial',
        '-out',
        `${name}.crt`,
        '-days',
        '2',
        '-extfile',
        `${name}.ext`,
      );
    }
    const port = await freePort();
    const file = (name: string) => join(folder, name);
    const certificates = [
      '--tls-cert-file',
      file('server.crt'),
      '--tls-key-file',
      file('server.key'),
      '--tls-ca-cert-file',
      file('ca.crt'),
    ];
    await using _server = await RedisServer.start(
      '--tls-port',
      String(port),
      '--tls-auth-clients',
      'yes',
      ...certificates,
    );
    const address = { host: 'localhost', port, tls: true, database: 0 };
    const access = accessFrom({
      NASNET_QUEUE_CA: file('ca.crt'),
      NASNET_QUEUE_CERT: file('client.crt'),
      NASNET_QUEUE_KEY: file('client.key'),
    });
    await using search = await newSearch(address, { access });
    await using _worker = await newAgent(address, { access });
    assert.equal(resultOf(await search.runner.run({ action: 'double', value: 4 })), 8);
    const { authority } = access;
    await assert.rejects(connect(address, { access: {}, patience: 0 }), /the certificates do not fit/);
    await assert.rejects(
      connect(address, { access: { authority: authority! }, patience: 0 }),
      /does not answer|do not fit/,
    );
  });

  test('that may forget jobs is told of', async () => {
    await using server = await RedisServer.start('--appendonly', 'no', '--maxmemory-policy', 'allkeys-lru');
    await using connection = await connect(server.address, { access: {} });
    const [policy, persistence] = await serverProblems(connection);
    assert.match(policy!, /set maxmemory-policy noeviction, it is allkeys-lru$/);
    assert.match(persistence!, /set appendonly yes/);
  });
});
