/** Clients that read slowly: the upstream is held back, memory stays bounded, and every byte arrives. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { closeAll } from '../support/close-all.ts';
import { KEY, standardCatalog, TestGateway } from '../support/gateway.ts';
import { open, pinToFronts, question, send } from '../support/http-client.ts';
import { metric } from '../support/metrics.ts';
import { Upstream } from '../support/upstream.ts';
import { waitFor, within } from '../support/wait-for.ts';

const FRONTS = 3;
const READERS = 6;
const ANSWER_BYTES = 24 * 1024 * 1024;
/** Readers stand still for so long at least once all of them are held back. */
const STALL_MS = 1_000;
const HIGH_WATER_BYTES = 262_144;
/** Held for each reader: its high-water mark, and what was read or written ahead before the pause took hold. */
const HELD_BYTES_MAX = READERS * (HIGH_WATER_BYTES + 262_144);
/** Less than half of what the upstream has to send; most of it is garbage of what the sockets' buffers took (35 to 50 MB seen). */
const GROWTH_BYTES_MAX = (READERS * ANSWER_BYTES) / 2;

let upstream: Upstream;
let gateway: TestGateway;

before(async () => {
  upstream = await Upstream.start();
  gateway = await TestGateway.start({
    catalog: standardCatalog(upstream.url),
    stream: { highWaterBytes: HIGH_WATER_BYTES },
  });
});
after(async () => {
  await closeAll(
    () => gateway?.stop(),
    () => upstream?.close(),
  );
});

function residentBytes(): number {
  const status = readFileSync(`/proc/${gateway.gatewayPid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)![1]) * 1024;
}

/** Reads nothing until `begin`, then all, and hashes. */
async function readLate(
  response: IncomingMessage,
  begin: Promise<void>,
): Promise<{ sha256: string; bytes: number; whole: boolean }> {
  await begin;
  const hash = createHash('sha256');
  let bytes = 0;
  response.on('data', (chunk: Buffer) => {
    hash.update(chunk);
    bytes += chunk.length;
  });
  await new Promise<void>((resolve) => {
    response.once('close', resolve);
    response.on('error', () => {});
  });
  return { sha256: hash.digest('hex'), bytes, whole: response.complete };
}

test('readers that stall hold at most their high-water mark, and then get every byte', async () => {
  // What threads load and compile with their first streams is not what readers hold.
  upstream.plan = () => ({ events: 200, eventChars: 1_000 });
  for (const { agent } of await pinToFronts(gateway.url, FRONTS)) {
    for (let i = 0; i < 20; i++) await send(gateway.url, { key: KEY, body: question('warm', { stream: true }), agent });
    agent.destroy();
  }
  const servedBefore = upstream.ledger.length;
  upstream.plan = () => ({ events: ANSWER_BYTES / 1_200, eventChars: 1_000, cutBytesMax: 60_000 });
  const residentBefore = residentBytes();
  const responses = await Promise.all(
    Array.from({ length: READERS }, (_, i) =>
      open(gateway.url, { key: KEY, body: question(`slow-${i}`, { stream: true }) }),
    ),
  );
  const { promise: begin, resolve: beginReading } = Promise.withResolvers<void>();
  const readings = Promise.all(responses.map((response) => readLate(response, begin)));
  const pauses = async () => metric(await gateway.metrics(), 'penstock_backpressure_pauses_total');
  await waitFor('every reader to be held back', async () => (await pauses()) >= READERS);
  await sleep(STALL_MS);
  assert.equal(upstream.ledger.length, servedBefore, 'the upstream is held back');
  const grown = residentBytes() - residentBefore;
  assert.ok(grown < GROWTH_BYTES_MAX, `resident memory grew by ${Math.round(grown / 1e6)} MB`);
  assert.ok(metric(await gateway.metrics(), 'penstock_stream_bytes_held') <= HELD_BYTES_MAX);
  beginReading();
  const read = await within('all answers', 60_000, readings);
  for (const [i, reading] of read.entries()) {
    const served = await upstream.served(`slow-${i}`);
    assert.deepEqual(reading, { sha256: served.sha256, bytes: served.bytes, whole: true });
  }
  await gateway.assertIdle();
});

test('a fast reader costs at most one write per chunk of the upstream', async () => {
  upstream.plan = () => ({ events: 200, paceMs: 2 });
  const before = await gateway.metrics();
  const response = await open(gateway.url, { key: KEY, body: question('fast', { stream: true }) });
  response.resume();
  await new Promise((resolve) => response.once('close', resolve));
  const after = await gateway.metrics();
  const grown = (name: string): number => metric(after, name) - metric(before, name);
  const writes = grown('penstock_response_writes_total');
  const chunks = grown('penstock_response_chunks_total');
  assert.ok(writes <= chunks + 2, `${writes} writes for ${chunks} chunks`);
});
