/** A caller of the Sora façade that wants no stream: kept by white space while its job goes on. */
import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { after, before, test } from 'node:test';
import { closeAll } from '../support/close-all.ts';
import { KEY, type TestGateway } from '../support/gateway.ts';
import { open } from '../support/http-client.ts';
import {
  askMedia,
  assertChargedOnce,
  MEDIA_PATH,
  mediaBody,
  mediaRows,
  startMediaGateway,
} from '../support/media-gateway.ts';
import { type MediaPlan, MediaUpstream } from '../support/media-upstream.ts';
import { waitFor } from '../support/wait-for.ts';

const HEAD_AFTER_MS = 1_000;

let upstream: MediaUpstream;
let gateway: TestGateway;

before(async () => {
  upstream = await MediaUpstream.start();
  const sora = { headAfterMs: HEAD_AFTER_MS, pingMs: 100 };
  gateway = await startMediaGateway([upstream.url], sora, { shutdown: { drainMs: 200 } });
});
after(async () => {
  await closeAll(
    () => gateway?.stop(),
    () => upstream?.close(),
  );
});

interface Silent {
  response: IncomingMessage;
  text(): string;
  /** The job ends now. */
  end(): void;
}

/** An answer that has begun although its job has not ended. */
async function openSilent(prompt: string, plan: MediaPlan = {}): Promise<Silent> {
  const { promise, resolve } = Promise.withResolvers<void>();
  upstream.plan = () => ({ doneAfter: promise, steps: 1, ...plan });
  const response = await open(gateway.url, { path: MEDIA_PATH, key: KEY, body: mediaBody(prompt) });
  let text = '';
  response.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  await waitFor('white space', () => text.length >= 3);
  assert.equal(text.trim(), '');
  return { response, text: () => text, end: resolve };
}

test('white space comes while the job goes on, then the answer, which is JSON as a whole', async () => {
  const { response, text, end } = await openSilent('a slow one');
  assert.equal(response.statusCode, 200);
  assert.equal(response.headers['content-type'], 'application/json');
  assert.equal(response.headers['x-request-id'], response.headers['x-penstock-request-id']);
  end();
  await waitFor('the end', () => response.complete);
  const { object, media_url } = JSON.parse(text()) as { object: string; media_url: string };
  assert.equal(object, 'chat.completion');
  assert.match(media_url, /\/sora\/media\//);
  await assertChargedOnce(gateway, upstream.made('a slow one')[0]!.id);
});

test('what fails after the answer has begun is the error object in it', async () => {
  const { response, text, end } = await openSilent('a late failure', { ending: 'failed', error: 'blocked' });
  end();
  await waitFor('the end', () => response.complete);
  const { error } = JSON.parse(text()) as { error: { message: string; type: string } };
  assert.equal(error.message, 'The upstream could not make it. blocked.');
  await gateway.assertIdle();
});

test('what fails before keeps its status', async () => {
  upstream.plan = () => ({ ending: 'failed', steps: 1 });
  const answer = await waitFor('an answer in time', async () => {
    const failed = await askMedia(gateway, 'an early failure');
    return failed.ms < HEAD_AFTER_MS && failed;
  });
  assert.deepEqual([answer.status, answer.body[0]], [502, '{'.charCodeAt(0)]);
});

test('a client that leaves while white space comes: the job goes on and is charged once', async () => {
  const { response, end } = await openSilent('left in silence');
  response.destroy();
  await waitFor('its end here', async () => (await gateway.metrics()).get('penstock_exchanges_open') === 0);
  end();
  const { id } = upstream.made('left in silence')[0]!;
  await waitFor(
    'its places free',
    async () => (await gateway.metrics()).get('penstock_jobs_open{state="running"}') === 0,
  );
  await waitFor('its charge', async () => (await mediaRows(gateway)).has(id));
  await assertChargedOnce(gateway, id);
});

test('a gateway that ends says so in the answer that has begun, so that nobody orders a second job', async () => {
  const { response, text } = await openSilent('at the end');
  await gateway.terminate();
  await waitFor('the end', () => response.complete);
  const { error } = JSON.parse(text()) as { error: { message: string } };
  assert.ok(error.message.length > 0);
});
