/** Many readers that take nothing: what waits for them is bounded for each and in sum; who does not fit is cut off, and billed. */
import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { after, before, test } from 'node:test';
import { closeAll } from '../support/close-all.ts';
import { KEY, standardCatalog, TestGateway } from '../support/gateway.ts';
import { open, question } from '../support/http-client.ts';
import { metric } from '../support/metrics.ts';
import { Upstream } from '../support/upstream.ts';
import { waitFor } from '../support/wait-for.ts';

const READERS = 24;
/** More than the kernel takes for a reader that does not read. */
const ANSWER = Buffer.alloc(24e6, 'data: 1\n\n');
const TOTAL = 1_048_576;
const HIGH_WATER = 262_144;

let upstream: Upstream;
let gateway: TestGateway;

before(async () => {
  upstream = await Upstream.start();
  gateway = await TestGateway.start({
    catalog: standardCatalog(upstream.url),
    limits: { streamBytesTotal: TOTAL },
    stream: { highWaterBytes: HIGH_WATER },
    relay: { clientGoneDrainMs: 100 },
  });
});
after(async () => {
  await closeAll(
    () => gateway?.stop(),
    () => upstream?.close(),
  );
});

test('the bytes that wait for all readers together stay within their budget', async () => {
  upstream.plan = () => ({ body: ANSWER, headers: { 'content-type': 'text/event-stream' } });
  const readers: IncomingMessage[] = await Promise.all(
    Array.from({ length: READERS }, (_, i) =>
      open(gateway.url, { key: KEY, body: question(`idle-${i}`, { stream: true }) }),
    ),
  );
  let most = 0;
  await waitFor(
    'every reader to be held back or cut off',
    async () => {
      const metrics = await gateway.metrics();
      most = Math.max(most, metric(metrics, 'penstock_stream_bytes_held'));
      const left = metric(metrics, 'penstock_client_gone_total');
      return left + metric(metrics, 'penstock_backpressure_pauses_total') >= READERS && left > 0;
    },
    { boundMs: 30_000 },
  );
  assert.ok(most > 0 && most <= TOTAL, `${most} bytes held`);
  const metrics = await gateway.metrics();
  assert.ok(metric(metrics, 'penstock_exchanges_open') > 0, 'who fits is held back, not cut off');
  for (const reader of readers) reader.destroy();
  await gateway.assertIdle();
});
