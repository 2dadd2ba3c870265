import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isGoodMediaLink, mediaName, readMediaName, signMediaLink } from '#auth/media-link.ts';

const JOB = '0190aaaa-bbbb-7ccc-8ddd-eeeeffff0000';

test('a link is good for its job, until it expires, by its key', () => {
  const [path, query] = signMediaLink('key', JOB, 2000).split('?') as [string, string];
  assert.equal(path, `/sora/media/${JOB}`);
  assert.ok(isGoodMediaLink('key', JOB, query, 1999.9));
  assert.equal(isGoodMediaLink('key', JOB, query, 2000), false);
  assert.equal(isGoodMediaLink('other', JOB, query, 1000), false);
  assert.equal(isGoodMediaLink('key', JOB.replace('0190', '0191'), query, 1000), false);
  assert.equal(isGoodMediaLink('key', JOB, query.replace('expires=2000', 'expires=3000'), 1000), false);
});

test('whatever else is no link', () => {
  for (const query of ['', 'expires=', 'expires=x&sig=y', 'expires=9e9&sig=', 'sig=a', 'expires=1e400&sig=a'])
    assert.equal(isGoodMediaLink('key', JOB, query, 1000), false, query);
  assert.equal(isGoodMediaLink('key', 'not a job', 'expires=2000&sig=x', 1000), false);
});

test('a picture of several has a name and a link of its own', () => {
  assert.deepEqual([mediaName(JOB, 0), mediaName(JOB, 1)], [JOB, `${JOB}/2`]);
  assert.deepEqual(readMediaName(`${JOB}/2`), { jobId: JOB, index: 1 });
  assert.deepEqual(readMediaName(JOB), { jobId: JOB, index: 0 });
  for (const name of [`${JOB}/0`, `${JOB}/100`, `${JOB}/`, `${JOB}/a`]) assert.equal(readMediaName(name), null, name);
  const [, query] = signMediaLink('key', `${JOB}/2`, 2000).split('?') as [string, string];
  assert.equal(isGoodMediaLink('key', `${JOB}/3`, query, 1000), false);
});
