import assert from 'node:assert/strict';
import { test } from 'node:test';
import { editDistance, nearestName } from '#config/nearest-name.ts';

test('the distance counts inserted, deleted, replaced and swapped letters', () => {
  assert.equal(editDistance('port', 'port'), 0);
  assert.equal(editDistance('port', 'prot'), 1);
  assert.equal(editDistance('port', 'ports'), 1);
  assert.equal(editDistance('port', 'pot'), 1);
  assert.equal(editDistance('port', 'part'), 1);
  assert.equal(editDistance('', 'abc'), 3);
  assert.equal(editDistance('kitten', 'sitting'), 3);
});

test('the nearest name is found whatever its case, and none is offered when none is near', () => {
  const names = ['host', 'port', 'bodyBytesMax'];
  assert.equal(nearestName('prot', names), 'port');
  assert.equal(nearestName('bodyBytesmax', names), 'bodyBytesMax');
  assert.equal(nearestName('maxBodyBytes', names), null);
  assert.equal(nearestName('port', []), null);
});
