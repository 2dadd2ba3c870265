/** Large pictures of the Sora façade: those that are made arrive whole, however the reader reads. */
import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { after, before, beforeEach, test } from 'node:test';
import { closeAll } from '../support/close-all.ts';
import type { TestGateway } from '../support/gateway.ts';
import { finish } from '../support/http-client.ts';
import { askMedia, openMedia, startMediaGateway } from '../support/media-gateway.ts';
import { MediaUpstream } from '../support/media-upstream.ts';
import { waitFor } from '../support/wait-for.ts';

const MADE_BYTES = 5_800_000;
const MIB = 1024 * 1024;
const IMAGE = { model: 'gpt-image' };

let upstream: MediaUpstream;
let gateway: TestGateway;

before(async () => {
  upstream = await MediaUpstream.start();
  gateway = await startMediaGateway([upstream.url], {}, { threads: { fronts: 1 } });
});
after(async () => {
  await closeAll(
    () => gateway?.stop(),
    () => upstream?.close(),
  );
});
beforeEach(() => {
  upstream.plan = () => ({ pictureBytes: MADE_BYTES });
});

/** A stream that has begun, and whose picture is not made yet; `make` ends the wait. */
async function openWaiting(prompt: string): Promise<{ response: IncomingMessage; make: () => void }> {
  const { promise, resolve } = Promise.withResolvers<void>();
  upstream.plan = () => ({ answerAfter: promise, pictureBytes: MADE_BYTES });
  return { response: await openMedia(gateway, prompt, IMAGE), make: resolve };
}

async function assertWhole(response: IncomingMessage): Promise<void> {
  const { body, whole } = await finish(response);
  assert.ok(whole, `broke off after ${body.length} bytes`);
  const text = body.toString();
  assert.ok(text.includes(`data:image/png;base64,${Buffer.alloc(MADE_BYTES, 7).toString('base64')})`));
  assert.ok(text.endsWith('data: [DONE]\n\n'));
}

async function heldBytes(): Promise<number> {
  return (await gateway.metrics()).get('penstock_stream_bytes_held') ?? 0;
}

async function frontsLost(): Promise<number> {
  return (await gateway.metrics()).get('penstock_fronts_lost_total') ?? 0;
}

test('a large picture arrives whole in a stream, and another stream of that front goes on', async () => {
  const other = await openWaiting('meanwhile');
  upstream.plan = () => ({ pictureBytes: MADE_BYTES });
  await assertWhole(await openMedia(gateway, 'a large one', IMAGE));
  other.make();
  await assertWhole(other.response);
  assert.equal(await frontsLost(), 0);
});

test('a large picture waits for a reader who reads late', async () => {
  const { response, make } = await openWaiting('read late');
  response.pause();
  make();
  await waitFor('bytes that wait', async () => (await heldBytes()) > MIB);
  await assertWhole(response);
  await gateway.assertIdle();
  assert.equal(await frontsLost(), 0);
});

test('a client that leaves under a large picture ends one exchange, once', async () => {
  const { response, make } = await openWaiting('left under way');
  response.pause();
  make();
  await waitFor('bytes that wait', async () => (await heldBytes()) > MIB);
  response.destroy();
  await gateway.assertIdle();
  assert.equal((await askMedia(gateway, 'the next', IMAGE)).status, 200);
  assert.equal(await frontsLost(), 0);
});

test('a large picture that finds no room while its reader lags is cut off, and the front lives', async () => {
  const tight = await startMediaGateway(
    [upstream.url],
    {},
    { threads: { fronts: 1 }, limits: { streamBytesTotal: MIB } },
  );
  try {
    const { promise, resolve } = Promise.withResolvers<void>();
    upstream.plan = () => ({ answerAfter: promise, pictureBytes: MADE_BYTES });
    const response = await openMedia(tight, 'no room', IMAGE);
    response.pause();
    resolve();
    // The exchange is settled before it: only a reader that has held up its front is cut off.
    await waitFor('the cut', async () => (await tight.metrics()).get('penstock_backpressure_pauses_total') === 1);
    assert.equal((await finish(response)).whole, false);
    assert.equal((await askMedia(tight, 'room', { seconds: 10 })).status, 200);
    assert.equal((await tight.metrics()).get('penstock_fronts_lost_total') ?? 0, 0);
  } finally {
    await tight.stop();
  }
});
