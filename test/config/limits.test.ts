/** The worst case in memory, and the refusal to start beyond the bound. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigError } from '#config/config-error.ts';
import {
  checkLimits,
  connectionBound,
  counterHeapBytes,
  formatWorstCase,
  frontCount,
  frontHeapBytes,
  worstCase,
} from '#config/limits.ts';
import { readOpenFilesMax } from '#config/open-files.ts';
import { type Config, configSchema } from '#config/schema.ts';
import { accountHealthBytes } from '#coordinate/local/account-health.ts';
import { ledgerBytes } from '#coordinate/local/ledger.ts';
import { ownerCount } from '#coordinate/local/owners.ts';
import { slotTableBytes } from '#coordinate/local/slot-table.ts';
import { ticketBoardBytes } from '#coordinate/local/ticket-board.ts';
import { RECORD_BYTES_MAX } from '#usage/record.ts';

const PLENTY = 1_000_000;

function configWith(patch: object = {}): Config {
  return configSchema.parse(patch);
}

function bytesOf(config: Config, fronts: number, name: string): number {
  return worstCase(config, fronts).lines.find((line) => line.name === name)?.bytes ?? assert.fail(name);
}

test('the sum is the sum of its lines, and the defaults fit the default bound', () => {
  const { lines, totalBytes } = worstCase(configWith(), 1);
  assert.equal(
    lines.reduce((sum, line) => sum + line.bytes, 0),
    totalBytes,
  );
  assert.ok(lines.every((line) => Number.isInteger(line.bytes) && line.bytes > 0 && line.why !== ''));
  assert.ok(totalBytes <= configWith().limits.memoryBytesMax);
});

test('bodies and waiting answers count once, rings and heaps once for each front', () => {
  const config = configWith();
  for (const fronts of [1, 4]) {
    assert.equal(bytesOf(config, fronts, 'request bodies'), config.limits.bodyBytesTotal);
    assert.equal(bytesOf(config, fronts, 'answers waiting for readers'), config.limits.streamBytesTotal);
    assert.equal(bytesOf(config, fronts, 'usage rings'), fronts * config.usage.ringBytes);
    assert.equal(bytesOf(config, fronts, 'heaps of the fronts'), fronts * frontHeapBytes(config));
  }
});

test('texts to be counted: each front its share, or one text; workers with their heaps; nothing without them', () => {
  const config = configWith({ tokenizer: { threads: 2, queueBytes: 12_000_000, jobBytesMax: 5_000_000 } });
  assert.equal(bytesOf(config, 1, 'texts to be counted'), 12_000_000);
  assert.equal(bytesOf(config, 2, 'texts to be counted'), 12_000_000);
  assert.equal(bytesOf(config, 4, 'texts to be counted'), 4 * 5_000_000);
  assert.ok(bytesOf(config, 4, 'counting workers') > 2 * (counterHeapBytes(config) + 5_000_000));
  const { lines } = worstCase(configWith({ tokenizer: { threads: 0 } }), 4);
  assert.ok(!lines.some(({ name }) => name === 'texts to be counted' || name === 'counting workers'));
});

test('only an embedded PostgreSQL counts', () => {
  const own = configWith({ database: { url: 'postgres://h/d' } });
  assert.ok(worstCase(configWith(), 1).lines.some((line) => line.name === 'embedded PostgreSQL'));
  assert.ok(!worstCase(own, 1).lines.some((line) => line.name === 'embedded PostgreSQL'));
});

test('beyond the bound the start is refused, with the table', () => {
  const config = configWith({ limits: { memoryBytesMax: 1 << 30 } });
  assert.throws(
    () => checkLimits(config, 1, PLENTY),
    (error) => {
      assert.ok(error instanceof ConfigError);
      assert.match(error.message, /limits\.memoryBytesMax: 1 fronts may need \d+\.\d MiB, the bound is 1024\.0 MiB/);
      assert.ok(error.message.includes(formatWorstCase(worstCase(config, 1))));
      return true;
    },
  );
});

test('fronts that nobody counted are as many as cores and memory allow, and always start', () => {
  const config = configWith();
  assert.equal(frontCount(config, 1), 1);
  assert.equal(frontCount(config, 4), 3);
  const many = frontCount(config, 64);
  assert.ok(many > 3 && many < 63);
  checkLimits(config, many, PLENTY);
  assert.throws(() => checkLimits(config, many + 1, PLENTY), ConfigError);
  assert.equal(frontCount(configWith({ threads: { fronts: 9 } }), 2), 9);
});

test('threads.fronts: 0 counts as one front and says what it is for', () => {
  const config = configWith({ threads: { fronts: 0 } });
  assert.equal(frontCount(config, 8), 1);
  assert.match(checkLimits(config, frontCount(config, 8), null).join('\n'), /threads\.fronts: 0 .* for profiling/);
  const ordinary = configWith({ threads: { fronts: 1 } });
  assert.doesNotMatch(checkLimits(ordinary, 1, null).join('\n'), /profiling/);
});

test('what the system or another key does not grant is a warning', () => {
  const config = configWith({ threads: { fronts: 1 } });
  assert.deepEqual(checkLimits(config, 1, PLENTY), []);
  assert.deepEqual(checkLimits(config, 1, null), []);
  assert.match(checkLimits(config, 1, 1024)[0]!, /the system grants 1024, but .* allow 32288/);
  const smallRing = configWith({ threads: { fronts: 1 }, usage: { ringBytes: 65_536 } });
  assert.match(checkLimits(smallRing, 1, PLENTY)[0]!, /usage\.ringBytes: holds 63 records/);
  const smallBudget = configWith({ threads: { fronts: 1 }, limits: { bodyBytesTotal: 1 << 20 } });
  assert.match(checkLimits(smallBudget, 1, PLENTY)[0]!, /limits\.bodyBytesTotal/);
});

test('a front accepts what is configured, or its share of what the system grants', () => {
  const config = configWith({ limits: { connectionsPerFront: 20_000, exchangesPerFront: 12_000 } });
  assert.equal(connectionBound(config, 1, null), 20_000);
  assert.equal(connectionBound(config, 1, PLENTY), 20_000);
  // 3 fronts share (20,000 − 256) files; each connection may need another one for its upstream.
  assert.equal(connectionBound(config, 3, 20_000), 3_290);
  // More than two for each exchange: only exchanges and WebSockets need upstreams.
  assert.equal(connectionBound(config, 1, 30_256), 17_968);
  assert.equal(connectionBound(config, 64, 256), 1);
  for (const granted of [300, 1_024, 20_000, 100_000]) {
    for (const fronts of [1, 3, 8]) {
      const bound = connectionBound(config, fronts, granted);
      const used = fronts * (bound + Math.min(bound, config.limits.exchangesPerFront)) + 256;
      assert.ok(used <= granted || bound === 1, `${fronts} fronts, ${granted} files: ${used}`);
    }
  }
});

test('bodies that wait for room and TLS add their own lines', () => {
  const { limits } = configWith();
  const waiting = 2 * (limits.bodyWaitBytes + limits.bodyWaiters * 256);
  assert.equal(bytesOf(configWith(), 2, 'bodies waiting for room'), waiting);
  const tls = configWith({ listen: { tls: { certFile: 'c', keyFile: 'k' } } });
  const more = bytesOf(tls, 2, 'sockets of the fronts') - bytesOf(configWith(), 2, 'sockets of the fronts');
  assert.equal(more, 2 * limits.connectionsPerFront * 8_192);
});

test('the default ring holds a largest record of every exchange', () => {
  const { usage, limits } = configWith();
  assert.ok(usage.ringBytes >= limits.exchangesPerFront * (RECORD_BYTES_MAX + 8));
});

test('the limit of open files is read from the system, and is unknown where there is none to read', () => {
  assert.equal(readOpenFilesMax('/no/such/file'), null);
  if (process.platform === 'linux') assert.ok(readOpenFilesMax()! > 0);
});

test('the rows of the sum hold the real shared tables', () => {
  const config = configWith();
  const { limits, queue } = config;
  for (const fronts of [1, 64]) {
    const owners = ownerCount(fronts);
    const { users: rows, accounts: accountRows } = limits;
    const users = slotTableBytes({ rows, owners, queueMax: queue.perUser }) + ledgerBytes({ rows, owners });
    const accounts =
      slotTableBytes({ rows: accountRows, owners, queueMax: queue.perAccount }) + accountHealthBytes(accountRows);
    assert.ok(users <= bytesOf(config, fronts, 'user rows'));
    assert.ok(accounts <= bytesOf(config, fronts, 'account rows'));
    const tickets = ticketBoardBytes(fronts, limits.exchangesPerFront);
    assert.ok(tickets <= fronts * limits.exchangesPerFront * 8);
  }
});
