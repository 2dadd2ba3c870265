import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RequestLosses } from '#wire/convert/request-losses.ts';

test('a name that is dropped many times is told once', () => {
  const losses = new RequestLosses();
  losses.drop('input.reasoning');
  losses.drop('metadata');
  losses.drop('input.reasoning');
  assert.deepEqual(losses.result({}), { body: {}, dropped: ['input.reasoning', 'metadata'], unsupported: null });
});

test('names stay few, short and harmless in a header', () => {
  const losses = new RequestLosses();
  losses.drop('evil\r\nset-cookie: a');
  for (let i = 0; i < 100; i++) losses.drop(`field${i}`);
  assert.equal(losses.dropped[0], '?');
  assert.equal(losses.dropped.length, 25);
  assert.equal(losses.dropped.at(-1), '…');
});

test('the first refusal is the one that is told, and there is no body then', () => {
  const losses = new RequestLosses();
  losses.refuse('stop', 'first');
  losses.refuse('seed', 'second');
  assert.deepEqual(losses.result({ model: 'm' }), {
    body: null,
    dropped: [],
    unsupported: { path: 'stop', reason: 'first' },
  });
});

test('only a field that asks for something is refused', () => {
  for (const value of [undefined, null, false, 0, '', [], {}]) {
    const losses = new RequestLosses();
    losses.refuseSet({ field: value }, 'field', 'never');
    assert.equal(losses.unsupported, null, JSON.stringify(value));
  }
  for (const value of [true, 1, 'a', [1], { a: 1 }]) {
    const losses = new RequestLosses();
    losses.refuseSet({ field: value }, 'field', 'always');
    assert.deepEqual(losses.unsupported, { path: 'field', reason: 'always' }, JSON.stringify(value));
  }
});

test('fields that nobody read are named with their prefix, those that are null are not', () => {
  const losses = new RequestLosses();
  losses.dropOthers({ read: 1, other: 1, absent: null }, new Set(['read']), 'text.');
  losses.dropSet({ a: 0, b: null }, ['a', 'b', 'c']);
  assert.deepEqual(losses.dropped, ['text.other', 'a']);
});

test('a field of the wrong type is refused with its path, a missing one is null', () => {
  const reads = ['number', 'text', 'flag', 'object', 'list'] as const;
  const right = { number: 0, text: '', flag: false, object: {}, list: [] };
  for (const read of reads) {
    const losses = new RequestLosses();
    assert.equal(losses[read]({}, 'field'), null);
    assert.equal(losses[read]({ field: null }, 'field'), null);
    assert.deepEqual(losses[read](right, read), right[read]);
    assert.equal(losses.unsupported, null);
    for (const wrong of reads) if (wrong !== read) assert.equal(losses[read](right, wrong, 'at.'), null);
    assert.match(losses.unsupported!.path, /^at\./);
  }
});
