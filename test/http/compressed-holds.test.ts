/** Compressed answers behind what keeps the ends of answers back until they are on disk, and behind pings to those who wait. */
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { CODINGS } from '#base/codings.ts';
import { jsonMessage, streamFrames } from '../support/anthropic-answer.ts';
import { closeAll } from '../support/close-all.ts';
import { account, KEY, standardCatalog, TestGateway } from '../support/gateway.ts';
import { finish, MODEL, open, question, readUntil, send } from '../support/http-client.ts';
import { COMPRESS } from '../support/inflated.ts';
import { type Plan, Upstream } from '../support/upstream.ts';
import { assertBooksEqualLedger, usageOf } from '../support/usage.ts';
import { waitFor } from '../support/wait-for.ts';

const USAGE = { inputTokens: 12, outputTokens: 34, cacheReadTokens: 5, cacheWrite5mTokens: 6, cacheWrite1hTokens: 7 };
const SHAPE = { id: 'm1', model: MODEL, usage: USAGE, events: 100, eventChars: 60, thinking: true, tool: true };
const STREAM = Buffer.concat(streamFrames(SHAPE));
const MESSAGE = jsonMessage(SHAPE);
const SSE = { 'content-type': 'text/event-stream' };

let upstream: Upstream;
let gateway: TestGateway;

before(async () => {
  upstream = await Upstream.start();
  gateway = await TestGateway.start({
    catalog: { ...standardCatalog(upstream.url), accounts: [account('a1', upstream.url, { concurrency: 1 })] },
    usage: { durability: 'journaled' },
    queue: { pingAfterMs: 200, pingEveryMs: 200 },
  });
});
afterEach(async () => {
  upstream.plan = () => ({});
  await gateway.assertIdle();
});
after(async () => {
  await closeAll(
    () => gateway?.stop(),
    () => upstream?.close(),
  );
});

function packed(coding: (typeof CODINGS)[number], body: Buffer, plan: Plan = {}): Plan {
  return {
    usage: USAGE,
    ...plan,
    body: COMPRESS[coding](body),
    headers: { ...plan.headers, 'content-encoding': coding },
  };
}

test('journaled: whole and streamed answers in every coding arrive plain, and are billed to the token', async () => {
  const [books, since] = [await usageOf(gateway), upstream.ledger.length];
  for (const coding of CODINGS) {
    upstream.plan = ({ stream }) =>
      stream ? packed(coding, STREAM, { headers: SSE, cutBytesMax: 200 }) : packed(coding, MESSAGE);
    for (const stream of [false, true]) {
      const answer = await send(gateway.url, { key: KEY, body: question(coding, { stream }) });
      assert.deepEqual([answer.status, answer.whole], [200, true]);
      assert.ok(answer.body.equals(stream ? STREAM : MESSAGE));
    }
  }
  assertBooksEqualLedger(await usageOf(gateway), upstream, books, since);
});

/** Asks for a stream while another request holds the only place, until pings have come. */
async function pinged(then: Plan): Promise<string> {
  const hold = new AbortController();
  upstream.plan = ({ label }) => (label === 'holder' ? { holdUntil: hold.signal } : then);
  const holder = send(gateway.url, { key: KEY, body: question('holder') });
  await waitFor('the holder', () => upstream.openNow() === 1);
  const response = await open(gateway.url, { key: KEY, body: question('pinged', { stream: true }) });
  const before = await readUntil(response, 'event: ping');
  hold.abort();
  const rest = await finish(response);
  assert.equal((await holder).status, 200);
  return before + rest.body.toString('latin1');
}

test('a stream in gzip comes unchanged behind the pings of its wait', async () => {
  const text = await pinged(packed('gzip', STREAM, { headers: SSE }));
  assert.ok(text.endsWith(STREAM.toString('latin1')));
});

test('an error in gzip that comes behind pings is told in the stream', async () => {
  const error = Buffer.from('{"type":"error","error":{"type":"invalid_request_error","message":"no such thing"}}');
  const text = await pinged(packed('gzip', error, { status: 400, headers: { 'content-type': 'application/json' } }));
  assert.match(text, /event: error\ndata: .*no such thing/);
});
