/**
 * What the client's side of an answer costs without the server under it: a whole JSON answer, and streamed frames by how many come in
 * one turn of the event loop; nanoseconds and bytes of heap a frame. The server is a stand-in that takes every write and counts.
 * Run: `node_modules/.bin/node native-bench/micro/reply.ts [--quick]`; one line of JSON a case. `--quick` only shows that it runs.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { getHeapStatistics } from 'node:v8';
import { ByteBudget, byteBudgetBytes } from '../../src/coordinate/local/byte-budget.ts';
import type { ReplyOwner, ReplyShared } from '../../src/edge/client-side.ts';
import { FlushQueue } from '../../src/edge/flush-queue.ts';
import { Reply } from '../../src/edge/reply.ts';
import type { HttpResponse } from '../../src/edge/uws.ts';
import { CounterRow, counterBytes } from '../../src/meter/counters.ts';
import { bestNs, bytesPerCall, printCase } from './measure.ts';

const quick = process.argv.includes('--quick');
const ROUNDS = quick ? 2 : 7;
const ANSWERS = quick ? 1_000 : 300_000;
const FRAMES = quick ? 2_000 : 1_000_000;
/** Streams that get frames in the same turn, as on a busy front. */
const STREAMS = 64;
const HEADERS = ['content-type', 'application/json', 'x-penstock-request-id', '0190f3b27c1e7abc8def0123456789ab'];

const seen = { writes: 0, bytes: 0, ends: 0 };

/** Takes what a socket with room takes. */
class EagerResponse {
  #offset = 0;

  onAborted(): this {
    return this;
  }
  onWritable(): this {
    return this;
  }
  cork(write: () => void): this {
    write();
    return this;
  }
  writeStatus(): this {
    return this;
  }
  writeHeader(): this {
    return this;
  }
  write(chunk: Uint8Array): boolean {
    seen.writes++;
    seen.bytes += chunk.length;
    return true;
  }
  getWriteOffset(): number {
    return this.#offset;
  }
  tryEnd(chunk: Uint8Array, length: number): [taken: boolean, done: boolean] {
    seen.writes++;
    seen.bytes += chunk.length;
    this.#offset += chunk.length;
    const done = this.#offset === length;
    if (done) seen.ends++;
    return [true, done];
  }
  end(body?: Uint8Array): this {
    seen.ends++;
    seen.bytes += body?.length ?? 0;
    return this;
  }
  pause(): void {}
  resume(): void {}
  close(): this {
    return this;
  }
}

const shared: ReplyShared = {
  flushQueue: new FlushQueue(),
  counters: new CounterRow(new SharedArrayBuffer(counterBytes(1)), 0),
  streamBudget: new ByteBudget(new SharedArrayBuffer(byteBudgetBytes(1)), 1 << 30, 0),
  highWaterBytes: 1 << 20,
  readerStallMs: 60_000,
  blocked: new Set(),
  unfinished: 0,
  closing: false,
  refusing: false,
  extraHeaders: [],
};
const owner: ReplyOwner = {
  onClientGone() {},
  onBlocked() {},
  onDrained() {},
  onHeadReady: () => true,
  onBegun() {},
  onReplyEnded() {},
};

function open(): Reply {
  return new Reply(new EagerResponse() as unknown as HttpResponse, shared, owner);
}

function jsonCase(bytes: number): void {
  const body = Buffer.alloc(bytes, 0x20);
  const run = (): void => open().send('200 OK', HEADERS, body);
  const before = seen.ends;
  const ns = bestNs(ROUNDS, ANSWERS, run);
  if (seen.ends - before !== ROUNDS * ANSWERS) throw new Error('an answer did not end');
  printCase('reply', `JSON answer of ${bytes} bytes`, 'answer', { ns, bytes: bytesPerCall(1_000, run) });
}

/** The turns of the loop are part of it, shared by `STREAMS` replies. */
async function streamCase(framesInTurn: number): Promise<void> {
  const frame = Buffer.alloc(110, 0x20);
  const replies = Array.from({ length: STREAMS }, open);
  for (const reply of replies) reply.begin('200 OK', HEADERS);
  const turns = Math.max(2, Math.ceil(FRAMES / STREAMS / framesInTurn));
  const pass = async (count: number): Promise<void> => {
    for (let turn = 0; turn < count; turn++) {
      for (const reply of replies) for (let i = 0; i < framesInTurn; i++) reply.push(frame);
      await nextTurn();
    }
  };
  const before = seen.bytes;
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    const start = process.hrtime.bigint();
    await pass(turns);
    best = Math.min(best, Number(process.hrtime.bigint() - start));
  }
  const perTurn = STREAMS * framesInTurn;
  if (seen.bytes - before !== ROUNDS * turns * perTurn * frame.length) throw new Error('bytes were lost');
  const bytes = await bytesAFrame(pass, perTurn);
  for (const reply of replies) reply.finish();
  printCase('reply', `SSE, ${framesInTurn} frames a turn`, 'frame', { ns: best / turns / perTurn, bytes });
}

/** The turn's own allocations are in it; the least of some spans, because a collection within one hides what came before. */
async function bytesAFrame(pass: (turns: number) => Promise<void>, perTurn: number): Promise<number> {
  const turns = 20;
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 10; i++) {
    const before = getHeapStatistics().used_heap_size;
    await pass(turns);
    const grown = getHeapStatistics().used_heap_size - before;
    if (grown >= 0) least = Math.min(least, grown);
  }
  return Number.isFinite(least) ? least / turns / perTurn : Number.NaN;
}

for (const bytes of [300, 4_000, 100_000]) jsonCase(bytes);
for (const framesInTurn of [1, 4, 16]) await streamCase(framesInTurn);
