/** Bodies that stall, trickle, are cut anywhere or come from strangers: refused within the limits, never held without need. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, afterEach, before, test } from 'node:test';
import { HostileScene, questionText } from '../support/hostile-scene.ts';
import { metric } from '../support/metrics.ts';
import { chunked, RawSocket, rawRequest } from '../support/raw-socket.ts';
import { waitFor } from '../support/wait-for.ts';

const BODY_STALL_MS = 1_500;
const BODY_TOTAL_MS = 4_000;
const BODY_BYTES_MAX = 33_554_432;
const LATE_MS = 5_000;

let scene: HostileScene;

before(async () => {
  scene = await HostileScene.start({
    edge: { bodyStallMs: BODY_STALL_MS, bodyTotalMs: BODY_TOTAL_MS },
    limits: { bodyBytesMax: BODY_BYTES_MAX },
  });
});
afterEach(() => scene.assertUnharmed());
after(() => scene.stop());

async function opened(request: Parameters<typeof rawRequest>[0]): Promise<RawSocket> {
  const socket = await RawSocket.open(scene.url);
  await socket.write(rawRequest(request));
  return socket;
}

async function value(name: string): Promise<number> {
  return metric(await scene.gateway.metrics(), name);
}

function residentBytes(): number {
  const status = readFileSync(`/proc/${scene.gateway.gatewayPid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)![1]) * 1024;
}

// ── slow and stalled bodies ─────────────────────────────────────────────────────────────────────────────────────────────────────

test('a body that stalls anywhere gets a 408 first and then the end of its connection', async () => {
  const body = questionText('stalled');
  const cases = ['', '{', body.slice(0, -1)].flatMap((part) => [
    rawRequest({ length: body.length }) + part,
    rawRequest({ length: null, lines: ['transfer-encoding: chunked'] }) +
      (part === '' ? '' : chunked(part).replace(/0\r\n\r\n$/, '')),
  ]);
  await Promise.all(
    cases.map(async (bytes) => {
      const socket = await RawSocket.open(scene.url);
      await socket.write(bytes);
      const { status, head } = await socket.answer();
      assert.equal(status, 408);
      assert.match(head, /\r\nconnection: close\r\n/i);
      assert.ok(socket.ms > BODY_STALL_MS * 0.9 && socket.ms < BODY_STALL_MS + LATE_MS, `${socket.ms} ms`);
      await socket.isEnded();
      assert.equal(socket.answers.length, 1);
    }),
  );
  assert.deepEqual(scene.arrived('stalled'), []);
});

test('a body that never stalls but takes too long as a whole is a 408 at that limit', async () => {
  const body = questionText('slow');
  const socket = await opened({ length: body.length });
  let at = 0;
  const dripping = socket.until('an answer', () => {
    if (socket.text === '' && at < body.length - 1 && socket.ms > at * 100) void socket.write(body[at++]!);
    return socket.answers[0]?.whole === true;
  });
  await dripping;
  assert.equal(socket.answers[0]?.status, 408);
  assert.ok(socket.ms > BODY_TOTAL_MS * 0.9 && socket.ms < BODY_TOTAL_MS + LATE_MS, `${socket.ms} ms`);
  await socket.isEnded();
});

test('a body that arrives byte by byte in time is served, whole and once, with a length and in chunks', async () => {
  await Promise.all(
    ['length', 'chunked'].map(async (kind) => {
      const label = `drip-${kind}`;
      const body = questionText(label, { messages: [] });
      const socket = await RawSocket.open(scene.url);
      await socket.write(
        kind === 'length'
          ? rawRequest({ length: body.length })
          : rawRequest({ length: null, lines: ['transfer-encoding: chunked'] }),
      );
      await socket.writePieces(kind === 'length' ? body : chunked(body, 7));
      assert.equal((await socket.answer()).status, 200);
      assert.deepEqual(scene.arrived(label).map(String), [body]);
      socket.close();
    }),
  );
});

test('a body cut in two at any byte is served as it was sent', async () => {
  const body = questionText('halves', { messages: [] });
  const cutAt = async (at: number): Promise<void> => {
    const socket = await RawSocket.open(scene.url);
    await socket.writePieces([rawRequest({ length: body.length }) + body.slice(0, at), body.slice(at)]);
    assert.equal((await socket.answer()).status, 200);
    socket.close();
  };
  for (let at = 0; at < body.length; at += 8)
    await Promise.all(Array.from({ length: 8 }, (_, i) => cutAt(Math.min(at + i, body.length - 1))));
  const arrived = scene.arrived('halves').map(String);
  assert.ok(arrived.length >= body.length);
  assert.ok(arrived.every((one) => one === body));
});

// ── strangers and large bodies ──────────────────────────────────────────────────────────────────────────────────────────────────

for (const kind of ['declared', 'chunked'] as const) {
  test(`a stranger's ${kind} body of 32 MB is answered 401 without a buffer: no byte of it is held and memory does not grow`, async () => {
    const strangers = 6;
    const piece = Buffer.alloc(262_144, 0x20);
    const pieces = BODY_BYTES_MAX / piece.length;
    let heldMax = 0;
    const residentBefore = residentBytes();
    let over = false;
    const watching = waitFor(
      'the end of the uploads',
      async () => {
        heldMax = Math.max(heldMax, await value('penstock_body_bytes_held'));
        return over;
      },
      { boundMs: 30_000, everyMs: 5 },
    );
    await Promise.all(
      Array.from({ length: strangers }, async (_, i) => {
        const socket = await opened({
          key: `sk-ps-stranger-${kind}-${i}`,
          length: kind === 'declared' ? BODY_BYTES_MAX : null,
          lines: kind === 'declared' ? [] : ['transfer-encoding: chunked'],
        });
        // Refused before the body is there; the rest is read and dropped.
        const { status } = await socket.answer();
        assert.equal(status, 401);
        const written =
          kind === 'declared' ? piece : Buffer.concat([Buffer.from('40000\r\n'), piece, Buffer.from('\r\n')]);
        for (let count = 0; count < pieces && !socket.ended; count++) await socket.write(written);
        socket.close();
      }),
    );
    over = true;
    await watching;
    assert.equal(heldMax, 0);
    const grown = residentBytes() - residentBefore;
    assert.ok(grown < BODY_BYTES_MAX, `resident memory grew by ${Math.round(grown / 1e6)} MB for ${strangers} × 32 MB`);
  });
}

test('a body beyond the limit is a 413, declared before its bytes, in chunks when they exceed it', async () => {
  const declared = await opened({ length: BODY_BYTES_MAX + 1 });
  assert.equal((await declared.answer()).status, 413);
  assert.equal(await value('penstock_body_bytes_held'), 0);
  declared.close();
  const socket = await opened({ length: null, lines: ['transfer-encoding: chunked'] });
  const piece = Buffer.concat([Buffer.from('100000\r\n'), Buffer.alloc(1_048_576, 0x20), Buffer.from('\r\n')]);
  for (let sent = 0; sent <= BODY_BYTES_MAX && !socket.ended && socket.text === ''; sent += 1_048_576)
    await socket.write(piece);
  assert.equal((await socket.answer()).status, 413);
  socket.close();
});
