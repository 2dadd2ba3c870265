/**
 * What one usage record costs on its way: encoding, through the ring (on the front: reserve and push), framing for the journal,
 * checking, the row for COPY; and what an open record adds: one push a stream and one each renewal on the front, and its place in the
 * usage-writer's table. Nanoseconds a record, one thread.
 * Run: `node_modules/.bin/node native-bench/micro/ring.ts [--quick]`; one line of JSON a case. `--quick` only shows that it runs.
 */
import { CopyRows } from '../../src/store/copy-rows.ts';
import { FrameBuffer } from '../../src/usage/frame-buffer.ts';
import { OpenRecordTable } from '../../src/usage/open-record-table.ts';
import { pressureBytes, UsagePressure } from '../../src/usage/pressure.ts';
import { KIND, type UsageRecord } from '../../src/usage/record.ts';
import { RecordCheck } from '../../src/usage/record-check.ts';
import { encodeRecord } from '../../src/usage/record-codec.ts';
import { UsageRingConsumer, UsageRingProducer, usageRingBytes } from '../../src/usage/ring.ts';

const quick = process.argv.includes('--quick');
const ROUNDS = quick ? 2 : 7;
const COUNT = quick ? 1_000 : 300_000;

const record: UsageRecord = {
  requestId: '0190f3b27c1e7abc8def0123456789ab',
  createdAtMs: 1_790_000_000_000,
  userId: 1234,
  keyId: 56_789,
  groupId: 3,
  accountId: 417,
  model: 'claude-sonnet-4-5-20250929',
  upstreamModel: 'claude-sonnet-4-5-20250929',
  stream: true,
  status: 'completed',
  usageSource: 'reported',
  httpStatus: 200,
  inputTokens: 1200,
  outputTokens: 800,
  cacheReadTokens: 40_000,
  cacheWrite5mTokens: 900,
  cacheWrite1hTokens: 0,
  webSearchRequests: 0,
  costNanoUsd: 31_005_000n,
  chargedNanoUsd: 31_005_000n,
  multiplierMicros: 1_000_000,
  attempts: 1,
  queueMs: 0,
  firstByteMs: 412,
  durationMs: 9023,
  clientRequestId: '',
  upstreamRequestId: 'req_011CSHoEeqs5C35K2UUqR7Fy',
  protocol: 'messages',
  upstreamProtocol: 'messages',
  serviceTier: '',
  reasoningTokens: 0,
  audioInputTokens: 0,
  audioOutputTokens: 0,
  imageInputTokens: 0,
  imageOutputTokens: 0,
  mediaItems: 0,
  mediaSeconds: 0,
};

const ring = new SharedArrayBuffer(usageRingBytes(1 << 20));
const pressure = new UsagePressure(new SharedArrayBuffer(pressureBytes()));
const producer = new UsageRingProducer(ring, pressure);
const consumer = new UsageRingConsumer(ring);
const bytes = Buffer.from(encodeRecord(record));
const frames = new FrameBuffer(1 << 20);
const open: UsageRecord = { ...record, status: 'open', usageSource: 'partial' };
const check = new RecordCheck();
const rows = new CopyRows();
const table = new OpenRecordTable(1, 1000);

let kept: unknown;

/** Best of the rounds: the machine's own noise only ever adds. */
function bench(name: string, run: () => unknown): void {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    const start = process.hrtime.bigint();
    for (let i = 0; i < COUNT; i++) kept = run();
    best = Math.min(best, Number(process.hrtime.bigint() - start) / COUNT);
  }
  if (kept === undefined) throw new Error(`${name}: nothing came out`);
  const ns = Math.round(best * 10) / 10;
  process.stdout.write(`${JSON.stringify({ bench: 'ring', case: name, unit: 'record', ns, bytes: bytes.length })}\n`);
}

bench('encode', () => encodeRecord(record));
bench('reserve, push, take', () => {
  producer.reserve();
  producer.push(record);
  const taken = consumer.next();
  consumer.release();
  return taken;
});
bench('frame for the journal', () => {
  if (!frames.hasRoom) frames.clear();
  frames.add(bytes);
  return frames.rows;
});
bench('check', () => check.check(bytes));
bench('row for COPY', () => {
  rows.clear();
  rows.add(bytes);
  return rows;
});
bench('open record: push, take', () => {
  producer.tryPush(open, KIND.open);
  const taken = consumer.next();
  consumer.release();
  return taken;
});
bench('open record: noted and ended in the table', () => {
  table.note(0, KIND.open, Buffer.from(bytes));
  table.note(0, KIND.closing, Buffer.from(bytes));
  return table.size;
});
