import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MediaRequest } from '#wire/media-job.ts';
import { findMediaModel, listMediaModels } from '#wire/media-models.ts';
import { readMediaRequest } from '#wire/sora.ts';

const PNG = Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), Buffer.alloc(40)]);
const REMIX = `s_${'0a'.repeat(16)}`;

function body(fields: object = {}): Record<string, unknown> {
  return { model: 'sora2-portrait-15s', messages: [{ role: 'user', content: 'a dam' }], ...fields };
}

function read(fields: object = {}): MediaRequest {
  const request = readMediaRequest(body(fields));
  assert.ok(!('reason' in request), JSON.stringify(request));
  return request;
}

function faultOf(fields: object): string {
  const fault = readMediaRequest(body(fields));
  assert.ok('reason' in fault, JSON.stringify(fault));
  return `${fault.path}: ${fault.reason}`;
}

test('every listed model says what it makes', () => {
  const names = listMediaModels();
  assert.equal(new Set(names).size, names.length);
  for (const name of names) assert.equal(typeof findMediaModel(name), 'object', name);
  assert.equal(findMediaModel('sora2-sideways-10s'), null);
  assert.equal(findMediaModel('sora2pro-hd-landscape-25s'), null);
  assert.equal(findMediaModel('prompt-enhance-long-20s'), 'text');
});

const SHAPES: [model: string, size: string, seconds: number, upstream: string][] = [
  ['sora2-landscape-10s', '1280x720', 10, 'sora-2'],
  ['sora2pro-portrait-25s', '720x1280', 25, 'sora-2-pro'],
  ['sora2pro-hd-landscape-15s', '1792x1024', 15, 'sora-2-pro'],
  ['sora-video-portrait-15s', '720x1280', 15, 'sora-2'],
  ['sora-video', '720x1280', 10, 'sora-2'],
  ['gpt-image-portrait', '1024x1536', 0, 'gpt-image-1'],
  ['sora-image', '1024x1024', 0, 'gpt-image-1'],
];
for (const [model, size, seconds, upstream] of SHAPES) {
  test(`${model} is ${size}, ${seconds} s, of ${upstream}`, () => {
    const request = read({ model });
    assert.deepEqual([request.size, request.seconds, request.upstreamModel], [size, seconds, upstream]);
  });
}

test("OpenAI's own names take length and size from the body, within bounds", () => {
  assert.deepEqual([read({ model: 'sora-2' }).seconds, read({ model: 'sora-2' }).size], [4, '720x1280']);
  const request = read({ model: 'sora-2-pro', seconds: '12', size: '1792x1024' });
  assert.deepEqual([request.seconds, request.size], [12, '1792x1024']);
  for (const seconds of [0, 61, 1.5, 'ten']) assert.match(faultOf({ model: 'sora-2', seconds }), /^seconds: expected/);
  for (const size of ['big', '0x10', 7]) assert.match(faultOf({ model: 'sora-2', size }), /^size: expected/);
});

test('the prompt is what the user says, over all messages and parts, unless the top has one', () => {
  const messages = [
    { role: 'system', content: 'not this' },
    { role: 'user', content: 'one' },
    { role: 'assistant', content: 'nor this' },
    { role: 'user', content: [{ type: 'text', text: 'two' }, { type: 'text', text: 'three' }, 7, null] },
  ];
  assert.equal(read({ messages }).prompt, 'one\ntwo\nthree');
  assert.equal(read({ messages, prompt: 'from the top' }).prompt, 'from the top');
  assert.match(faultOf({ messages: [{ role: 'system', content: 'only' }] }), /^prompt: must not be empty/);
  assert.match(faultOf({ messages: [] }), /^messages: must not be empty/);
  assert.match(faultOf({ prompt: 'x'.repeat(32_001) }), /longer than/);
});

test('a picture comes as an address, a data URL, base64, at the top or as a part', () => {
  const base64 = PNG.toString('base64');
  for (const image of [base64, `data:image/png;base64,${base64}`, `data:;base64,${base64}`]) {
    const { image: found } = read({ image });
    assert.ok(found !== null && 'bytes' in found && found.type === 'image/png' && PNG.equals(found.bytes));
  }
  for (const image_url of ['https://a.example/b.png', { url: 'https://a.example/b.png' }]) {
    const content = [
      { type: 'text', text: 'x' },
      { type: 'image_url', image_url },
    ];
    assert.deepEqual(read({ messages: [{ role: 'user', content }] }).image, { url: 'https://a.example/b.png' });
  }
  assert.match(faultOf({ image: 'short' }), /^image: expected/);
  assert.match(faultOf({ image: 7 }), /^image: expected/);
  assert.match(faultOf({ image: 'http://' }), /^image: is no address/);
  assert.match(faultOf({ image: Buffer.alloc(60, 'GIF89a').toString('base64') }), /neither PNG/);
});

test('a remix is named at the top or in the prompt, and its id is no part of the prompt', () => {
  assert.equal(read().remixOf, null);
  assert.equal(read({ remix_target_id: 'video_12' }).remixOf, 'video_12');
  for (const written of [`${REMIX} in blue`, `https://sora.chatgpt.com/p/${REMIX}?a=b in blue`]) {
    const { prompt, remixOf } = read({ prompt: written });
    assert.deepEqual([prompt, remixOf], ['in blue', REMIX]);
  }
  assert.match(faultOf({ remix_target_id: 'a b' }), /^remix_target_id: is no id/);
  assert.match(faultOf({ prompt: REMIX }), /^prompt: must not be empty/);
  assert.match(faultOf({ model: 'gpt-image', remix_target_id: 'video_1' }), /only a video/);
  assert.match(faultOf({ remix_target_id: 'video_1', image: 'https://a.example/b.png' }), /a remix takes no picture/);
});

test('what these accounts cannot do is refused by name; asking for nothing of it is no fault', () => {
  const wishes: [fields: object, says: RegExp][] = [
    [{ cameo_ids: ['a'] }, /^cameo_ids: cameos/],
    [{ character_set_public: true }, /^character_set_public: characters/],
    [{ watermark_free: true }, /^watermark_free: control of the watermark/],
    [{ video: 'https://a.example/b.mp4' }, /^video: a video as input/],
    [{ prompt: '[5.0s]one\n[5s]two' }, /^prompt: storyboards/],
    [{ messages: [{ role: 'user', content: [{ type: 'video_url', video_url: { url: 'x' } }] }] }, /video_url/],
  ];
  for (const [fields, says] of wishes) assert.match(faultOf(fields), says);
  read({ cameo_ids: [], watermark_free: false, character_x: null, video: '' });
});
