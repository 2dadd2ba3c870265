/** Answers that came compressed, as the owner of an attempt sees them. */
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { createGzip } from 'node:zlib';
import { C } from '#meter/counters.ts';
import type { Attempt } from '#relay/attempt.ts';
import { AttemptOutcome } from '../support/attempt-outcome.ts';
import {
  ask,
  atEnd,
  budget,
  counters,
  endAll,
  IDLE_MS,
  LIMITS,
  passIdleTimes,
  poolOf,
  scripted,
  start,
  writes,
} from '../support/attempt-rig.ts';
import { COMPRESS, COMPRESSIONS } from '../support/inflated.ts';
import type { RawCall } from '../support/raw-upstream.ts';
import { waitFor } from '../support/wait-for.ts';

afterEach(async () => {
  await endAll();
  assert.equal(budget.usedBytes, 0, 'the memory of every decoder was given back');
});

const MIB = 1024 * 1024;
const TEXT = 'data: hello\n\n'.repeat(20_000);

function head(coding: string, ...lines: string[]): string {
  return ['HTTP/1.1 200 OK', 'content-type: text/plain', `content-encoding: ${coding}`, ...lines, '', ''].join('\r\n');
}

function whole(coding: string, body: Buffer): string {
  return head(coding, `content-length: ${body.length}`) + body.toString('latin1');
}

async function endedWhole(outcome: AttemptOutcome): Promise<AttemptOutcome> {
  await waitFor('the end of the answer', () => outcome.end !== 'open');
  assert.equal(outcome.timesOver, 1);
  return outcome;
}

for (const [name, coding, compress] of COMPRESSIONS) {
  test(`${name}: the owner sees the answer as if it had come plain, and the connection is kept`, async () => {
    const upstream = await scripted(
      writes(whole(coding, compress(TEXT))),
      writes(whole('identity', Buffer.from('hi'))),
    );
    const pool = poolOf(upstream.url, null, { ...LIMITS, connectionsPerOrigin: 1 });
    const outcome = await endedWhole(start(pool));
    assert.deepEqual([outcome.status, outcome.end, outcome.body === TEXT], [200, 'whole', true]);
    assert.equal((await ask(pool)).body, 'hi');
    assert.equal(upstream.connections, 1);
  });
}

test('an event that the upstream has flushed is given on before the next comes', async () => {
  const gzip = createGzip();
  let call: RawCall | null = null;
  const upstream = await scripted((each) => {
    call = each;
    each.socket.write(head('gzip'));
    gzip.on('data', (chunk: Buffer) => each.socket.write(chunk));
  });
  const outcome = start(poolOf(upstream.url));
  await waitFor('the head', () => outcome.status === 200);
  for (let i = 1; i <= 3; i++) {
    gzip.write(`data: ${i}\n\n`);
    gzip.flush();
    await waitFor('the event', () => outcome.body.endsWith(`data: ${i}\n\n`));
  }
  gzip.end();
  await waitFor('the end of gzip', () => gzip.readableEnded);
  call!.socket.end();
  assert.equal((await endedWhole(outcome)).end, 'whole');
});

test('an answer that the upstream breaks off is given on as far as it came, then it has failed', async () => {
  const body = COMPRESS.gzip(TEXT);
  const upstream = await scripted(({ socket }) => {
    socket.write(head('gzip', `content-length: ${body.length}`));
    socket.end(body.subarray(0, -20));
  });
  const outcome = await endedWhole(start(poolOf(upstream.url)));
  assert.deepEqual([outcome.end, outcome.code], ['failed', 'UND_ERR_SOCKET']);
  assert.ok(outcome.body.length > TEXT.length / 2 && TEXT.startsWith(outcome.body));
});

test('an answer whose coding ends early, is not valid or goes on behind its end has failed, and its connection is closed', async () => {
  const body = COMPRESS.br(TEXT);
  for (const bytes of [body.subarray(0, -2), Buffer.from(TEXT), Buffer.concat([body, Buffer.from('more')])]) {
    const upstream = await scripted(writes(whole('br', bytes)));
    const outcome = await endedWhole(start(poolOf(upstream.url)));
    assert.deepEqual([outcome.end, outcome.code], ['failed', 'Z_DATA_ERROR']);
  }
});

test('a coding that is not decoded is left to the owner, as it came', async () => {
  const upstream = await scripted(writes(whole('compress', Buffer.from('??'))));
  assert.equal((await endedWhole(start(poolOf(upstream.url)))).body, '??');
});

test('a reader that is held up holds up decoder and upstream, is no idle time, and loses nothing', async () => {
  const bomb = COMPRESS.gzip(Buffer.alloc(64 * MIB, 'x'));
  const upstream = await scripted(
    ({ socket }) =>
      void socket.write(Buffer.concat([Buffer.from(head('gzip', `content-length: ${bomb.length}`)), bomb])),
  );
  let seen = 0;
  const outcome = new AttemptOutcome();
  outcome.onData = (attempt, chunk) => {
    seen += chunk.length;
    if (seen === chunk.length) attempt.pause();
  };
  const pool = poolOf(upstream.url);
  start(pool, { idleTimeoutMs: IDLE_MS }, outcome);
  await waitFor('the first bytes', () => seen > 0);
  const atPause = seen;
  const untilMs = performance.now() + 200;
  await waitFor('some time', () => performance.now() > untilMs);
  passIdleTimes(pool, IDLE_MS);
  assert.deepEqual([seen, outcome.end], [atPause, 'open']);
  outcome.attempt!.resume();
  await endedWhole(outcome);
  assert.deepEqual([outcome.end, seen], ['whole', 64 * MIB]);
});

test('an upstream that sends faster than its bytes are decoded is read at the pace of the decoder', async () => {
  // What hardly compresses is read faster than it is decoded.
  const noise = Buffer.from(Array.from({ length: 3 * MIB }, (_, i) => (i * 2_654_435_761) >>> 13));
  const upstream = await scripted(writes(whole('gzip', COMPRESS.gzip(noise))));
  const outcome = await endedWhole(start(poolOf(upstream.url)));
  assert.equal(outcome.body, noise.toString('latin1'));
});

test('an owner that leaves is told nothing more, and the decoder is gone', async () => {
  const body = COMPRESS.gzip(TEXT);
  const upstream = await scripted(
    ({ socket }) => void socket.write(Buffer.concat([Buffer.from(head('gzip')), body.subarray(0, -10)])),
  );
  for (const leave of ['cancel', 'detach'] as const) {
    const outcome = start(poolOf(upstream.url));
    await waitFor('some of the answer', () => outcome.body.length > 0);
    assert.ok(outcome.attempt!.budgetedBytes > 0);
    if (leave === 'cancel') outcome.attempt!.cancel();
    else outcome.attempt!.detach(1_000_000, 50);
    assert.equal(outcome.attempt!.budgetedBytes, 0);
    await waitFor('the end of the attempt', () => outcome.attempt!.over);
    assert.equal(outcome.end, 'open');
  }
});

test('without room for a decoder the answer has failed, and not by its upstream', async () => {
  assert.ok(budget.take(8 * MIB - 1024));
  atEnd(() => budget.give(8 * MIB - 1024));
  const upstream = await scripted(writes(whole('gzip', COMPRESS.gzip(TEXT))));
  const outcome = await endedWhole(start(poolOf(upstream.url)));
  assert.deepEqual([outcome.end, outcome.code, outcome.body], ['failed', 'NO_ROOM_TO_DECODE', '']);
});

test('what is counted is what came over the wire', async () => {
  const body = COMPRESS.zstd(TEXT);
  const before = counters.value(C.upstreamBytes);
  await endedWhole(start(poolOf((await scripted(writes(whole('zstd', body)))).url)));
  assert.equal(counters.value(C.upstreamBytes) - before, body.length);
});

/** Leaves at the head, as an exchange does that turns to another account, and keeps what it is told of the body. */
class Leaver extends AttemptOutcome {
  told: string | null = null;
  /** The account's place was still held when the body was told. */
  heldPlace = false;

  override onHead(attempt: Attempt, status: number, headers: Readonly<Record<string, unknown>>): void {
    super.onHead(attempt, status, headers);
    attempt.detach(64 * 1024, 5_000, (body) => {
      this.told = Buffer.from(body).toString();
      this.heldPlace = this.timesOver === 0;
    });
  }
}

async function left(url: string): Promise<Leaver> {
  const outcome = new Leaver();
  start(poolOf(url), {}, outcome);
  await waitFor('the end of the attempt', () => outcome.attempt!.over);
  assert.deepEqual([outcome.timesOver, outcome.end, outcome.attempt!.budgetedBytes], [1, 'open', 0]);
  return outcome;
}

for (const [name, coding, compress] of COMPRESSIONS) {
  test(`${name}: whoever asks only for the body of an error is told it decoded, while the place is held`, async () => {
    const upstream = await scripted(writes(whole(coding, compress('{"error":{}}'))));
    const { told, heldPlace } = await left(upstream.url);
    assert.deepEqual([told, heldPlace], ['{"error":{}}', true]);
  });
}

test('an error body that is not valid, too long once it is decoded, or without room is told to nobody', async () => {
  const bodies = [Buffer.from('plain'), COMPRESS.gzip(Buffer.alloc(MIB, 'x')), COMPRESS.gzip('ok').subarray(0, -3)];
  for (const body of bodies) {
    const upstream = await scripted(writes(whole('gzip', body)));
    assert.equal((await left(upstream.url)).told, null);
  }
  assert.ok(budget.take(8 * MIB - 1024));
  atEnd(() => budget.give(8 * MIB - 1024));
  assert.equal((await left((await scripted(writes(whole('gzip', COMPRESS.gzip('ok'))))).url)).told, null);
});
