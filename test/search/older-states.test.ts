// States that earlier versions saved still load, and what follows is what followed there.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createStrategy } from '../../src/search/strategy.ts';

/**
 * By version 0.1.0: arms of random search and evolution behind two known cells, seven trials asked for, the fifth not
 * told.
 */
const armsBehindGivenCells = [
  '2OvkMTknrptT/nc1u6/iYXsiZm9ybWF0IjoibmFzbmV0IHN0cmF0ZWd5IiwidmVyc2lvbiI6MSwic3RyYXRlZ3kiOiJyYW5kb20sZXZvbHV0aW9uIiwi',
  'c2l6ZXMiOlsyLDIsMTMsMTMsMiwyLDIsMTMsMTMsMl0sIm9wdGlvbnMiOnsia25vd24gMCI6IjAsMCwwLDAsMCwwLDAsMCwwLDAiLCJrbm93biAxIjoi',
  'MSwxLDIsMiwxLDAsMCwzLDMsMCJ9LCJzdGF0ZSI6eyJwZW5kaW5nIjpbXSwiaW5uZXIiOiJjeXJVVEJ1d3lyRVlvYWM3QkwrdzFIc2labTl5YldGMElq',
  'b2libUZ6Ym1WMElITjBjbUYwWldkNUlpd2lkbVZ5YzJsdmJpSTZNU3dpYzNSeVlYUmxaM2tpT2lKeVlXNWtiMjBzWlhadmJIVjBhVzl1SWl3aWMybDZa',
  'WE1pT2xzeUxESXNNVE1zTVRNc01pd3lMRElzTVRNc01UTXNNbDBzSW05d2RHbHZibk1pT25zaVpYWnZiSFYwYVc5dUxuQnZjSFZzWVhScGIyNVRhWHBs',
  'SWpveUxDSmxkbTlzZFhScGIyNHVjMkZ0Y0d4bFUybDZaU0k2TW4wc0luTjBZWFJsSWpwN0luVndaR0YwWldRaU9pMHhMQ0ppZVhSbGN5STZXekkxT0N3',
  'ME1EbGRmU3dpYkdWdVozUm9jeUk2ZXlKaGNtMGdNQ0k2TmpVc0ltRnliU0F4SWpveE1ETjlmUXA3ci9vcjZqeGZoNHdvZXJGdGR1VUZleUptYjNKdFlY',
  'UWlPaUp1WVhOdVpYUWdjM1J5WVhSbFoza2lMQ0oyWlhKemFXOXVJam94TENKemRISmhkR1ZuZVNJNkluSmhibVJ2YlNJc0luTnBlbVZ6SWpwYk1pd3lM',
  'REV6TERFekxESXNNaXd5TERFekxERXpMREpkTENKdmNIUnBiMjV6SWpwN2ZTd2ljM1JoZEdVaU9uc2ljbUZ1Wkc5dElqb2llRzl6YUdseWJ6RXlPQ29x',
  'T2pkaU1XWmtOekkxWXpRMU5HTTVaR0k0TlRJMU9ERTVaVEkwTTJOaU1XTm1PamRpTVdaa056STFZelExTkdNNVpHSTROVEkxT0RFNVpUSTBNMk5pTVdO',
  'bUlpd2ljR1Z1WkdsdVp5STZXMXMwTEhSeWRXVmRYWDBzSW14bGJtZDBhSE1pT250OWZRb0FBQmU1bVRLRWtLSWNTVkJ3bnR6eVd4NTdJbVp2Y20xaGRD',
  'STZJbTVoYzI1bGRDQnpkSEpoZEdWbmVTSXNJblpsY25OcGIyNGlPakVzSW5OMGNtRjBaV2Q1SWpvaVpYWnZiSFYwYVc5dUlpd2ljMmw2WlhNaU9sc3lM',
  'RElzTVRNc01UTXNNaXd5TERJc01UTXNNVE1zTWwwc0ltOXdkR2x2Ym5NaU9uc2ljRzl3ZFd4aGRHbHZibE5wZW1VaU9qSXNJbk5oYlhCc1pWTnBlbVVp',
  'T2pKOUxDSnpkR0YwWlNJNmV5SnlZVzVrYjIwaU9pSjRiM05vYVhKdk1USTRLaW82TXpnek1ETm1abVV4TmpFeVltUmpOelZtTjJVMllqZ3dZV000Tnpj',
  'MFpqSTZNemd6TURObVptVXhOakV5WW1Sak56Vm1OMlUyWWpnd1lXTTROemMwWmpJaUxDSmhjMnRsWkNJNk1pd2ljR1Z1WkdsdVp5STZXMTBzSW5CdmNI',
  'VnNZWFJwYjI0aU9sdDdJbVJsWTJsemFXOXVjeUk2V3pBc01Dd3dMREVzTVN3d0xEQXNNQ3d4TERCZExDSnlaWGRoY21RaU9qQXVNMzBzZXlKa1pXTnBj',
  'Mmx2Ym5NaU9sc3dMREFzT1N3M0xEQXNNU3d3TERFc05pd3hYU3dpY21WM1lYSmtJam93TGpWOVhYMHNJbXhsYm1kMGFITWlPbnQ5ZlFvQUFBQT0ifSwi',
  'bGVuZ3RocyI6e319Cg==',
].join('');

test('a state whose strategies stand inside one another goes on, from before states had parts', () => {
  const known = [Array(10).fill(0), [1, 1, 2, 2, 1, 0, 0, 3, 3, 0]];
  const options = { random: {}, evolution: { populationSize: 2, sampleSize: 2 } };
  const strategy = createStrategy('random,evolution', { blocks: 1, seed: 7, options, known });
  strategy.load(Buffer.from(armsBehindGivenCells, 'base64'));
  const asked = Array.from({ length: 6 }, (_, index) => {
    const trial = 7 + index;
    const decisions = strategy.ask(trial);
    strategy.tell(trial, trial % 5 === 0 ? { failed: 'nan' } : { reward: trial / 20 });
    return decisions;
  });
  assert.deepEqual(asked, [
    [0, 0, 9, 3, 0, 1, 0, 1, 6, 1],
    [1, 0, 9, 4, 0, 1, 0, 10, 0, 0],
    [0, 0, 9, 7, 0, 0, 0, 1, 6, 1],
    [0, 0, 1, 8, 1, 0, 1, 10, 2, 0],
    [0, 0, 9, 7, 0, 0, 0, 1, 6, 0],
    [0, 1, 1, 12, 1, 1, 0, 12, 11, 0],
  ]);
  strategy.tell(4, { reward: 0.4 }); // open in the saved state
});
