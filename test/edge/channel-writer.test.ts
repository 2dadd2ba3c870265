/** The end of a WebSocket comes behind what its reader has not taken yet. */
import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { nowMs } from '#base/clock.ts';
import { ByteBudget, byteBudgetBytes } from '#coordinate/local/byte-budget.ts';
import { ChannelWriter, type ClientSocket } from '#edge/channel-writer.ts';
import type { ReplyShared } from '#edge/client-side.ts';
import { FlushQueue } from '#edge/flush-queue.ts';
import { CounterRow, counterBytes } from '#meter/counters.ts';

const READER_STALL_MS = 1_000;

/** The server's socket: takes `takes` messages whole, and one more into what it keeps. */
class Reader {
  takes = 0;
  kept = 0;
  readonly said: string[] = [];

  send(message: Uint8Array): number {
    this.said.push(Buffer.from(message).toString());
    if (this.takes-- > 0) return 1;
    this.kept = message.length;
    return 0;
  }

  cork(work: () => void): void {
    work();
  }

  getBufferedAmount(): number {
    return this.kept;
  }

  end(code: number, reason: string): void {
    this.said.push(`${code} ${reason}`);
    writer.gone();
  }

  close(): void {
    this.said.push('cut off');
    writer.gone();
  }

  /** It takes what is kept, and has room for so many messages more. */
  drain(takes: number): void {
    this.kept = 0;
    this.takes = takes;
    writer.drained();
  }
}

let reader: Reader;
let shared: ReplyShared;
let writer: ChannelWriter;
let drained: number;

beforeEach(() => {
  reader = new Reader();
  drained = 0;
  shared = {
    flushQueue: new FlushQueue(),
    counters: new CounterRow(new SharedArrayBuffer(counterBytes(1)), 0),
    streamBudget: new ByteBudget(new SharedArrayBuffer(byteBudgetBytes(1)), 1024 * 1024, 0),
    highWaterBytes: 64 * 1024,
    readerStallMs: READER_STALL_MS,
    blocked: new Set(),
    unfinished: 0,
    closing: false,
    refusing: false,
    extraHeaders: [],
  };
  const owner = { onBlocked: () => {}, onDrained: () => void drained++ };
  writer = new ChannelWriter(reader as unknown as ClientSocket, shared, owner);
});

function write(...texts: string[]): void {
  writer.write(texts.map((text) => Buffer.from(text)));
}

test('a reader that keeps up is told at once', () => {
  reader.takes = 1;
  write('a');
  writer.end(1001, 'closing');
  assert.deepEqual(reader.said, ['a', '1001 closing']);
});

test('a reader that is behind gets all that was written, then the end; nothing is written behind it', () => {
  write('a', 'b', 'c');
  writer.end(1001, 'closing');
  writer.end(1000, 'idle');
  write('late');
  assert.deepEqual([reader.said, writer.ending], [['a'], true]);
  reader.drain(0);
  assert.deepEqual([reader.said, writer.blocked], [['a', 'b'], true]);
  reader.drain(1);
  assert.deepEqual([reader.said, writer.ending, drained], [['a', 'b', 'c', '1001 closing'], false, 0]);
  assert.equal(shared.blocked.size, 0);
});

test('what the server keeps must have left too: its reader may be cut off with the process', () => {
  write('a');
  writer.end(1012, 'gone');
  writer.drained();
  assert.deepEqual(reader.said, ['a']);
  reader.drain(0);
  assert.deepEqual(reader.said, ['a', '1012 gone']);
});

test('a reader that takes nothing more is cut off, its end said or not', () => {
  const beforeMs = nowMs();
  write('a', 'b');
  writer.end(1001, 'closing');
  writer.retry(beforeMs);
  assert.equal(writer.closed, false);
  writer.retry(nowMs() + READER_STALL_MS + 1);
  assert.deepEqual([reader.said, writer.closed, writer.ending], [['a', 'cut off'], true, false]);
});
