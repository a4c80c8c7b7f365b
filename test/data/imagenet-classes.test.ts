import assert from 'node:assert/strict';
import { test } from 'node:test';
import { imagenetClasses, imagenetNames, imagenetOffset } from '../../src/data/imagenet-classes.ts';

test('there are 1,000 distinct classes in the sorted order of their wnids, each with a name of its own', () => {
  const wnids = imagenetClasses.map(({ wnid }) => wnid);
  assert.equal(new Set(wnids).size, 1000);
  assert.ok(wnids.every((wnid) => /^n\d{8}$/.test(wnid)));
  assert.deepEqual(wnids, [...wnids].sort());
  assert.equal(new Set(imagenetClasses.map(({ name }) => name.toLowerCase())).size, 1000);
  const numbers = imagenetClasses.map(({ devkitNumber }) => devkitNumber).sort((a, b) => a - b);
  assert.deepEqual(
    numbers,
    [...Array(1000).keys()].map((index) => index + 1),
  );
});

test('well-known places of the order have their names', () => {
  const at = (index: number) => `${imagenetClasses[index]!.wnid} ${imagenetClasses[index]!.name}`;
  assert.equal(at(0), 'n01440764 tench');
  assert.equal(at(281), 'n02123045 tabby');
  assert.equal(at(388), 'n02510455 giant panda');
  assert.equal(at(954), 'n07753592 banana');
  assert.equal(at(999), 'n15075141 toilet tissue');
});

test("the devkit's numbers give the classes of the first validation images", () => {
  // ILSVRC2012_validation_ground_truth.txt begins so; the wnids are those of the released list of the same images.
  const wnids = [490, 361, 171, 822, 297, 482, 13, 704, 599, 164].map(
    (number) => imagenetClasses.find(({ devkitNumber }) => devkitNumber === number)!.wnid,
  );
  assert.deepEqual(wnids, [
    'n01751748', 'n09193705', 'n02105855', 'n04263257', 'n03125729', 'n01735189', 'n02346627', 'n02776631', 'n03794056', 'n02328150',
  ]); // biome-ignore format: a table
});

test('a network of 1,001 classes has them one place further on, any other network nowhere', () => {
  assert.equal(imagenetOffset(imagenetNames()), 0);
  assert.equal(imagenetOffset(imagenetNames(1001)), 1);
  assert.equal(imagenetNames(1001)[1], 'tench');
  assert.equal(imagenetOffset(imagenetNames().toReversed()), undefined);
  assert.equal(imagenetOffset(['cat', 'dog']), undefined);
});
