// The manifests of examples/kubernetes: what they start are commands of nasnet, with flags that these have. Their shape
// was checked against Kubernetes' own schema (docs/cluster.md); they were not run on a cluster.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { Command } from 'commander';
import { parseAllDocuments } from 'yaml';
import { commands } from '../../src/cli/main.ts';

const folder = resolve(import.meta.dirname, '../../examples/kubernetes');

interface Container {
  name: string;
  command: string[];
  args: string[];
  envFrom: { secretRef: { name: string } }[];
  volumeMounts?: { name: string }[];
}

interface Workload {
  kind: string;
  spec: {
    selector?: { matchLabels: object };
    template: { metadata?: { labels: object }; spec: { containers: Container[]; volumes?: { name: string }[] } };
  };
}

function workloadIn(name: string): Workload {
  const documents = parseAllDocuments(readFileSync(join(folder, name), 'utf8'));
  return documents.map((each) => each.toJS() as Workload).find(({ kind }) => kind === 'Job' || kind === 'Deployment')!;
}

for (const name of ['search.yaml', 'workers.yaml'])
  test(`${name} starts a command that takes its words`, async () => {
    const { spec } = workloadIn(name);
    const { containers, volumes = [] } = spec.template.spec;
    assert.deepEqual(spec.selector?.matchLabels, spec.template.metadata?.labels, 'a Deployment finds its own pods');
    assert.equal(containers.length, 1);
    const [{ command, args, envFrom, volumeMounts = [] }] = containers as [Container];
    const [program, word] = command as [string, string];
    assert.equal(program, 'nasnet');
    assert.deepEqual(
      envFrom.map(({ secretRef }) => secretRef.name),
      ['nasnet-queue'],
    );
    assert.deepEqual(
      volumeMounts.map((mount) => mount.name),
      volumes.map((volume) => volume.name),
    );
    const line = new Command().exitOverride();
    await (await commands[word]!.load())(line, []);
    const [own] = line.commands as [Command];
    own.action(() => {});
    line.parse([word, ...args.map(String)], { from: 'user' });
    assert.deepEqual(own.args, []);
    assert.equal(own.opts().queue.host, 'nasnet-redis-master');
  });
