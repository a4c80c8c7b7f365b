// The published family against our figures.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { family, publishedFamily } from '../../src/plan/family.ts';
import { planNetwork } from '../../src/plan/plan.ts';
import { nasnetA } from '../../src/space/published.ts';

const members = family();
const member = (cells: number, penultimate: number) =>
  members.find((row) => row.cells === cells && row.penultimate === penultimate)!;

test('the family holds the ten rows of Tables 1 to 3, parameters within 2% of the paper’s where reproduced', () => {
  assert.equal(publishedFamily.length, 10);
  const reproduced = members.filter((row) => row.reproduced).map(({ cells, penultimate }) => `${cells}@${penultimate}`);
  assert.deepEqual(reproduced, ['6@768', '4@1056', '6@4032']);
  for (const { reproduced, ours, parameters, remark } of members) {
    if (!reproduced) continue;
    assert.ok(Math.abs(ours!.trainableParameters / parameters - 1) < 0.02);
    assert.equal(remark, '');
  }
});

test('7@2304, 5@1538 and 7@1920 are reported as not reproduced, with the nearest width', () => {
  const wrong = members.filter((row) => row.reproduced === false).map(({ penultimate }) => penultimate);
  assert.deepEqual(wrong, [2304, 1538, 1920]);
  const cifar = member(7, 2304);
  assert.equal(cifar.ours!.trainableParameters, planNetwork(nasnetA, { cells: 7, filters: 96 }).trainableParameters);
  assert.match(cifar.remark, /32\.6 M parameters at 7 @ 2304; nearest with this N is 7 @ 2112: 27\.5 M parameters$/);
  assert.equal(member(5, 1538).ours!.penultimate, 1536);
  assert.match(member(5, 1538).remark, /12\.3 M parameters and 2\.69 B .* 5 @ 1536 \(1538 is no multiple of 24\); /);
  // No width at the same N is nearer in both figures: the neighbours on either side are worse in one.
  for (const row of [member(5, 1538), member(7, 1920)]) {
    const distance = (filters: number) => {
      const around = { layout: 'imagenet', input: 299, stemChannels: 96, skipReductionInput: true } as const;
      const plan = planNetwork(nasnetA, { ...around, cells: row.cells, filters });
      const differences = [plan.trainableParameters / row.parameters, plan.multiplyAdds / row.multiplyAdds!];
      return Math.max(...differences.map((ratio) => Math.abs(ratio - 1)));
    };
    const nearest = row.nearest!.penultimate / 24;
    assert.ok(distance(nearest) < distance(nearest - 1) && distance(nearest) < distance(nearest + 1));
  }
});

test('NASNet-B and -C have published figures but none of ours', () => {
  for (const row of members.filter(({ architecture }) => architecture !== 'nasnet-a')) {
    assert.deepEqual([row.ours, row.nearest, row.reproduced], [undefined, undefined, undefined]);
    assert.match(row.remark, /published only as a picture/);
  }
});
