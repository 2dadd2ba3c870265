/** The Sora façade over three fronts: what is asked for, made, shown, refused and charged. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, beforeEach, test } from 'node:test';
import { closeAll } from '../support/close-all.ts';
import { KEY, type TestGateway } from '../support/gateway.ts';
import { finish, send } from '../support/http-client.ts';
import {
  askMedia,
  assertChargedOnce,
  balanceOf,
  MEDIA_PATH,
  mediaBody,
  mediaRows,
  OTHER_KEY,
  openMedia,
  POOR_KEY,
  startMediaGateway,
  VIDEO,
} from '../support/media-gateway.ts';
import { FILE, MediaUpstream } from '../support/media-upstream.ts';
import { usageOf } from '../support/usage.ts';
import { waitFor } from '../support/wait-for.ts';

let upstream: MediaUpstream;
let second: MediaUpstream;
let gateway: TestGateway;

before(async () => {
  upstream = await MediaUpstream.start();
  second = await MediaUpstream.start();
  gateway = await startMediaGateway([upstream.url, second.url]);
});
after(async () => {
  await closeAll(
    () => gateway?.stop(),
    () => upstream?.close(),
    () => second?.close(),
  );
});
beforeEach(() => {
  upstream.plan = () => ({});
  second.plan = () => ({});
});

test('a video as JSON: no usage, a link that serves the file, one charge by the second', async () => {
  const answer = await askMedia(gateway, 'a dam at dawn');
  assert.equal(answer.status, 200, answer.body.toString());
  const body = answer.json() as unknown as {
    object: string;
    usage?: object;
    media_url: string;
    choices: { message: { content: string }; finish_reason: string }[];
  };
  assert.equal(body.object, 'chat.completion');
  assert.equal('usage' in body, false);
  assert.equal(body.choices[0]!.finish_reason, 'stop');
  assert.equal(
    body.choices[0]!.message.content,
    `\`\`\`html\n<video src='${body.media_url}' controls></video>\n\`\`\``,
  );
  const [job] = upstream.made('a dam at dawn');
  assert.deepEqual([job!.model, job!.seconds, job!.size], ['sora-2', '10', '1280x720']);
  const row = await assertChargedOnce(gateway, job!.id);
  assert.deepEqual([row.model, row.status, row.protocol], [VIDEO, 'completed', 'sora']);

  const link = new URL(body.media_url);
  const file = await send(gateway.url, { method: 'GET', path: link.pathname + link.search });
  assert.deepEqual([file.status, file.headers['content-type'], file.body.equals(FILE)], [200, 'video/mp4', true]);
  assert.equal(upstream.contentKeys.at(-1), 'Bearer sk-up-m0');
});

test('a video as a stream: the task, progress, one chunk with the link, the finish, [DONE]', async () => {
  upstream.plan = () => ({ steps: 5 });
  const response = await openMedia(gateway, 'a turbine');
  assert.equal(response.headers['x-request-id'], response.headers['x-penstock-request-id']);
  assert.match(String(response.headers['content-type']), /^text\/event-stream/);
  const { body, whole } = await finish(response);
  assert.ok(whole);
  const lines = body
    .toString()
    .split('\n\n')
    .filter((line) => line.startsWith('data:'));
  assert.equal(lines.at(-1), 'data: [DONE]');
  const deltas = lines.slice(0, -1).map((line) => {
    const { choices } = JSON.parse(line.slice(6)) as {
      choices: { delta: { reasoning_content?: string; content?: string }; finish_reason: string | null }[];
    };
    return choices[0]!;
  });
  assert.equal(deltas.at(-1)!.finish_reason, 'stop');
  assert.equal(deltas.filter(({ delta }) => delta.content !== undefined).length, 1);
  assert.match(deltas.at(-2)!.delta.content!, /^```html\n<video src='http.*\/sora\/media\//);
  assert.ok(deltas.filter(({ delta }) => /^progress: \d+%\n$/.test(delta.reasoning_content ?? '')).length >= 2);
  await assertChargedOnce(gateway, upstream.made('a turbine')[0]!.id);
});

test('a streaming caller gets comments while nothing else is said', async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  upstream.plan = () => ({ doneAfter: promise, steps: 1 });
  const response = await openMedia(gateway, 'a long one');
  let text = '';
  response.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  await waitFor('three comments', () => text.split(':\n\n').length > 3);
  resolve();
  await waitFor('the end', () => text.endsWith('data: [DONE]\n\n'));
});

test('pictures: one price an item, the picture in the answer', async () => {
  const answer = await askMedia(gateway, 'a weir', { model: 'gpt-image-landscape' });
  assert.equal(answer.status, 200, answer.body.toString());
  const { choices, media_url } = answer.json() as unknown as {
    media_url: string;
    choices: { message: { content: string } }[];
  };
  assert.equal(media_url, 'data:image/png;base64,aW1hZ2U=');
  assert.equal(choices[0]!.message.content, '![image](data:image/png;base64,aW1hZ2U=)');
  const [made] = upstream.made('a weir');
  assert.equal(made!.size, '1536x1024');
  assert.equal(JSON.parse(made!.form).quality, 'medium');
  const row = (await usageOf(gateway)).rows.find(({ model }) => model === 'gpt-image-landscape');
  assert.equal(row?.chargedNanoUsd, '63000000');
});

test('a picture by its quality: the price of that one, and the account is asked for it', async () => {
  const answer = await askMedia(gateway, 'a sluice', { model: 'gpt-image', quality: 'low' });
  assert.equal(answer.status, 200, answer.body.toString());
  assert.equal(JSON.parse(upstream.made('a sluice')[0]!.form).quality, 'low');
  const row = (await usageOf(gateway)).rows.find(({ model }) => model === 'gpt-image');
  assert.equal(row?.chargedNanoUsd, '11000000');
  const unpriced = await askMedia(gateway, 'a sluice', { model: 'gpt-image', quality: 'hd' });
  assert.deepEqual(
    [unpriced.status, unpriced.json().error.message],
    [404, 'This model has no price, so it is not served.'],
  );
});

test('a reference picture goes along, from a data URL, or fetched', async () => {
  const png = Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), Buffer.alloc(64, 7)]);
  const url = `data:image/png;base64,${png.toString('base64')}`;
  const content = [
    { type: 'text', text: 'with a picture' },
    { type: 'image_url', image_url: { url } },
  ];
  const answer = await askMedia(gateway, '', { messages: [{ role: 'user', content }] });
  assert.equal(answer.status, 200, answer.body.toString());
  const [job] = upstream.made('with a picture');
  assert.match(job!.form, /name="input_reference"; filename="reference.png"\r\ncontent-type: image\/png/);
  assert.ok(job!.form.includes(png.toString('latin1')));

  const pictures = createServer((_request, response) => response.end(png)).listen(0, '127.0.0.1');
  await once(pictures, 'listening');
  const image = `http://127.0.0.1:${(pictures.address() as AddressInfo).port}/a.png`;
  const fetched = await askMedia(gateway, 'with a fetched one', { image }).finally(() => pictures.close());
  assert.equal(fetched.status, 200, fetched.body.toString());
  assert.ok(upstream.made('with a fetched one')[0]!.form.includes(png.toString('latin1')));
});

test('a remix is asked for at the video it is made from', async () => {
  const answer = await askMedia(gateway, 'in blue', { remix_target_id: 'video_77' });
  assert.equal(answer.status, 200, answer.body.toString());
  assert.deepEqual(
    upstream.made('in blue').map(({ contentType }) => contentType),
    ['application/json'],
  );
});

test('models: those of the façade that are served and have a price', async () => {
  const answer = await send(gateway.url, { method: 'GET', path: '/sora/v1/models', key: KEY });
  const { object, data } = answer.json() as unknown as { object: string; data: { id: string }[] };
  const names = data.map(({ id }) => id);
  assert.equal(object, 'list');
  for (const name of [VIDEO, 'sora2pro-hd-portrait-15s', 'gpt-image', 'sora-2']) assert.ok(names.includes(name), name);
  const other = await send(gateway.url, { method: 'GET', path: '/sora/v1/models', key: OTHER_KEY });
  assert.equal(other.status, 400);
});

const BAD: [name: string, body: object, status: number, message: RegExp][] = [
  ['an unknown model', mediaBody('x', { model: 'sora9' }), 400, /Unsupported Sora model/],
  ['a text model', mediaBody('x', { model: 'prompt-enhance-short-10s' }), 400, /Unsupported Sora model/],
  ['no model', { messages: [] }, 400, /model/],
  ['no messages', { model: VIDEO, messages: [] }, 400, /messages: must not be empty/],
  ['an empty prompt', mediaBody('  '), 400, /prompt: must not be empty/],
  ['a storyboard', mediaBody('[5.0s]a river'), 400, /storyboards/],
  ['cameos', mediaBody('x', { cameo_ids: ['c'] }), 400, /cameo_ids: cameos/],
  ['a character', mediaBody('x', { character_id: 'c' }), 400, /character_id: characters/],
  [
    'a remix of a picture',
    mediaBody('x', { model: 'gpt-image', remix_target_id: 'v' }),
    400,
    /remix_target_id: only a video/,
  ],
  ['several at once', mediaBody('x', { n: 2 }), 400, /n: expected 1/],
  ['another length than the model has', mediaBody('x', { seconds: 25 }), 400, /seconds: this model makes 10 seconds/],
  ['another size than the model has', mediaBody('x', { size: '1x1' }), 400, /size: this model makes 1280x720/],
  [
    'two pictures',
    {
      model: VIDEO,
      image: 'http://a/b.png',
      messages: [{ role: 'user', content: [{ type: 'image_url', image_url: 'http://a/c.png' }] }],
    },
    400,
    /image: one picture at most/,
  ],
  ['a video as input', mediaBody('x', { video: 'data:' }), 400, /video: a video as input/],
  [
    'a quality that is left open',
    mediaBody('x', { model: 'gpt-image', quality: 'auto' }),
    400,
    /quality: expected one of/,
  ],
  ['a quality of a video', mediaBody('x', { quality: 'high' }), 400, /quality: a video has/],
  ['a watermark', mediaBody('x', { watermark_free: true }), 400, /watermark/],
  [
    'a picture of a picture',
    mediaBody('x', { model: 'gpt-image', image: `http://127.0.0.1/a.png` }),
    400,
    /picture from a picture/,
  ],
];
for (const [name, body, status, message] of BAD) {
  test(`refused before anything is asked of an upstream: ${name}`, async () => {
    const creations = upstream.creations.length;
    const answer = await send(gateway.url, { path: MEDIA_PATH, key: KEY, body });
    assert.equal(answer.status, status);
    assert.match(answer.json().error.message, message);
    assert.equal(answer.json().error.type, 'invalid_request_error');
    assert.equal(upstream.creations.length, creations);
  });
}

test('a key of another platform is refused', async () => {
  const answer = await askMedia(gateway, 'x', {}, OTHER_KEY);
  assert.deepEqual([answer.status, answer.json().error.message], [400, 'This endpoint only supports Sora platform.']);
});

test('a job that fails or is cancelled costs nothing, and its reservation is free again', async () => {
  const balance = await balanceOf(gateway, 'poor');
  upstream.plan = () => ({ ending: 'failed', error: 'the prompt is blocked' });
  const failed = await askMedia(gateway, 'a bad one', {}, POOR_KEY);
  assert.deepEqual(
    [failed.status, failed.json().error.message],
    [502, 'The upstream could not make it. the prompt is blocked.'],
  );
  assert.equal(failed.headers['x-should-retry'], 'false');
  upstream.plan = () => ({ ending: 'cancelled' });
  const cancelled = await askMedia(gateway, 'a bad one', {}, POOR_KEY);
  assert.deepEqual([cancelled.status, cancelled.json().error.message], [502, 'The job was cancelled at the upstream.']);
  assert.equal(await balanceOf(gateway, 'poor'), balance);
  const rows = await mediaRows(gateway);
  for (const { id } of upstream.made('a bad one')) assert.equal(rows.has(id), false);
});

test('a failure inside a stream is an error event, then [DONE]', async () => {
  upstream.plan = () => ({ ending: 'failed', steps: 2 });
  const { body, whole } = await finish(await openMedia(gateway, 'a bad stream'));
  assert.match(
    body.toString(),
    /event: error\ndata: \{"error":\{"message":"The upstream could not make it\. blocked\."/,
  );
  assert.ok(body.toString().endsWith('data: [DONE]\n\n') && whole);
});

test('a balance covers what is under way, and no more', async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  upstream.plan = () => ({ doneAfter: promise });
  const first = askMedia(gateway, 'covered', {}, POOR_KEY);
  await waitFor('the first job', () => upstream.made('covered').length === 1);
  const refused = await askMedia(gateway, 'not covered', {}, POOR_KEY);
  assert.deepEqual([refused.status, (refused.json().error as { code?: string }).code], [429, 'insufficient_quota']);
  resolve();
  assert.equal((await first).status, 200);
  await assertChargedOnce(gateway, upstream.made('covered')[0]!.id);
  assert.equal(await balanceOf(gateway, 'poor'), '500000000');
});

test('a client that leaves: the job goes on and is charged once', async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  upstream.plan = () => ({ doneAfter: promise });
  const response = await openMedia(gateway, 'left alone');
  response.destroy();
  resolve();
  const [job] = await waitFor('the job', () => upstream.made('left alone').length > 0 && upstream.made('left alone'));
  await waitFor('its charge', async () => (await mediaRows(gateway)).has(job!.id));
  await assertChargedOnce(gateway, job!.id);
});

test('another account is asked only while no job was made', async () => {
  upstream.plan = () => ({ refuse: { status: 429, headers: { 'retry-after': '1' } } });
  const answer = await askMedia(gateway, 'turned away');
  assert.equal(answer.status, 200, answer.body.toString());
  assert.deepEqual([upstream.made('turned away').length, second.made('turned away').length], [0, 1]);
  await assertChargedOnce(gateway, second.made('turned away')[0]!.id);
});

test('what the upstream says is wrong with the request is told, without another try', async () => {
  second.plan = () => ({ refuse: { status: 400, body: '{"error":{"message":"seconds is wrong"}}' } });
  upstream.plan = second.plan;
  const before = upstream.creations.length + second.creations.length;
  const answer = await askMedia(gateway, 'wrong');
  assert.deepEqual(
    [answer.status, answer.json().error.message],
    [400, 'The upstream does not take this job. seconds is wrong.'],
  );
  assert.equal(upstream.creations.length + second.creations.length, before + 1);
});

test('an answer that broke after the job was made: the job is found, and no second one made', async () => {
  second.plan = upstream.plan = () => ({ resetAfterMaking: true });
  const answer = await askMedia(gateway, 'broken off');
  assert.equal(answer.status, 200, answer.body.toString());
  const made = [...upstream.made('broken off'), ...second.made('broken off')];
  assert.equal(made.length, 1);
  await assertChargedOnce(gateway, made[0]!.id);
});

for (const status of [408, 502, 504, 524]) {
  test(`a proxy that answers ${status} after the job was made: the job is found, and no second one made`, async () => {
    const prompt = `behind a ${status}`;
    second.plan = upstream.plan = () => ({ statusAfterMaking: status });
    const answer = await askMedia(gateway, prompt);
    assert.equal(answer.status, 200, answer.body.toString());
    const made = [...upstream.made(prompt), ...second.made(prompt)];
    assert.equal(made.length, 1);
    await assertChargedOnce(gateway, made[0]!.id);
  });
}

test('a proxy that answers 504 to a picture: no second one is asked for, and it is not charged', async () => {
  second.plan = upstream.plan = () => ({ statusAfterMaking: 504 });
  const answer = await askMedia(gateway, 'a picture behind a 504', { model: 'gpt-image' });
  assert.equal(answer.status, 502, answer.body.toString());
  assert.equal(answer.headers['x-should-retry'], 'false');
  assert.equal(upstream.made('a picture behind a 504').length + second.made('a picture behind a 504').length, 1);
});

test('an answer without an id: the job is found by the list, charged once', async () => {
  second.plan = upstream.plan = () => ({ nameless: true });
  const answer = await askMedia(gateway, 'without a name');
  assert.equal(answer.status, 200, answer.body.toString());
  const made = [...upstream.made('without a name'), ...second.made('without a name')];
  assert.equal(made.length, 1);
  await assertChargedOnce(gateway, made[0]!.id);
});

test('links: changed, expired and unknown ones are refused', async () => {
  const answer = await askMedia(gateway, 'linked');
  const { pathname, search } = new URL((answer.json() as unknown as { media_url: string }).media_url);
  for (const query of [
    '',
    search.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A')),
    search.replace(/expires=\d/, 'expires=9'),
  ]) {
    const refused = await send(gateway.url, { method: 'GET', path: pathname + query });
    assert.deepEqual([refused.status, refused.json().error.type], [401, 'authentication_error']);
  }
});
