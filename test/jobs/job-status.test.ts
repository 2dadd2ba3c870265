import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errorText, readJobStatus, readPictures } from '#jobs/job-status.ts';

test("OpenAI's video object, and the words of others", () => {
  const status = readJobStatus({ id: 'video_1', status: 'in_progress', progress: 41.7, created_at: 5, seconds: '8' });
  assert.deepEqual(
    [status.id, status.state, status.percent, status.createdAt, status.seconds],
    ['video_1', 'running', 41, 5, '8'],
  );
  for (const [said, state] of [
    ['completed', 'completed'],
    ['SUCCESS', 'completed'],
    ['rejected', 'failed'],
    ['canceled', 'cancelled'],
    ['who knows', 'running'],
  ])
    assert.equal(readJobStatus({ status: said }).state, state);
});

test('nothing that an upstream says is trusted', () => {
  for (const value of [null, 7, 'x', [], { id: 7, progress: 'much', error: 3, url: 'javascript:1', prompt: {} }]) {
    const status = readJobStatus(value);
    assert.deepEqual([status.percent, status.url, status.error, status.prompt], [0, null, '', null]);
  }
  assert.equal(readJobStatus({ id: 'x'.repeat(300) }).id, '');
  assert.equal(readJobStatus({ progress: 1e9 }).percent, 100);
  assert.equal(readJobStatus({ url: "https://a.example/x'onload=" }).url, null);
});

test('an error is told in one line, without addresses and keys', () => {
  assert.equal(errorText({ message: 'blocked\nby   policy' }), 'blocked by policy');
  assert.equal(errorText({ message: 'see https://internal.example/a with sk-abc_1' }), 'see … with …');
  assert.equal(errorText('plain'), 'plain');
  assert.equal(errorText({ code: 'moderation' }), 'moderation');
  assert.equal(errorText({ message: 'x'.repeat(400) }).length, 301);
});

test('pictures are addresses or data URLs; anything else is left out', () => {
  const data = [
    { b64_json: 'aGk=' },
    { url: 'https://a.example/b.png' },
    { url: 'https://a.example/b.png)' },
    { b64_json: '<b>' },
    7,
  ];
  assert.deepEqual(readPictures({ data }), ['data:image/png;base64,aGk=', 'https://a.example/b.png']);
  assert.deepEqual(readPictures(null), []);
});
