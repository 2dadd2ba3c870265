/** Fronts on threads of their own ask one pool through primary's ports, as they do in a gateway. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { afterEach, beforeEach, test } from 'node:test';
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { createLogger } from '#base/logger.ts';
import { pack } from '#base/msgpack.ts';
import { counterHeapBytes } from '#config/limits.ts';
import { type Config, configSchema } from '#config/schema.ts';
import { FrontCrew } from '#threads/front-crew.ts';
import type { FrontData } from '#threads/protocol.ts';
import { makeSharedBlocks } from '#threads/shared-blocks.ts';
import { CountingPool, type PoolSeams } from '#tokenizer/counting-pool.ts';
import { closeAll } from '../support/close-all.ts';
import { SCRIPTED } from '../support/counting.ts';
import type { FromCountingFront, ToCountingFront } from '../support/counting-front.ts';
import { waitFor, within } from '../support/wait-for.ts';

const FRONTS = 3;
const log = createLogger({ level: 'silent', thread: 'test' });

let crew: FrontCrew;
let pool: CountingPool;
let reports: MessagePort[];
let gone: number[];

async function start(patch: object = {}, seams?: PoolSeams): Promise<void> {
  const config: Config = configSchema.parse({
    limits: { exchangesPerFront: 16, users: 16, accounts: 16 },
    usage: { ringBytes: 65_536 },
    ...patch,
  });
  const limits = { ...config.tokenizer, heapBytes: counterHeapBytes(config) };
  pool = new CountingPool(
    limits,
    log,
    (front, id, counted) => crew.tell(front, { type: 'counted', id, counted }),
    seams,
  );
  const shared = makeSharedBlocks(config, FRONTS);
  const threads = { front: startFront, writer: () => assert.fail('nobody writes here') };
  crew = new FrontCrew(
    { threads, config, shared, log, listenPort: 0, linkKey: '' },
    {
      onLookup: () => assert.fail('nobody looks a key up here'),
      onBorrow: () => assert.fail('nobody borrows here'),
      onMedia: () => assert.fail('nobody orders media here'),
      onCount: (front, { id, job }) => pool.count(front, id, job),
      briefing: () => [{ type: 'snapshot', version: 1, bytes: pack({ version: 1, groups: [], accounts: [] }) }],
      onListening: () => {},
      onAuditFailed: () => {},
      onRowsDropped: () => {},
      onFrontGone: async (front) => {
        pool.forget(front);
        gone.push(front);
      },
    },
  );
  await within('the fronts to be up', 20_000, crew.launch());
}

function startFront(data: FrontData): Worker {
  const { port1, port2 } = new MessageChannel();
  reports[data.index] = port1;
  return new Worker(new URL('../support/counting-front.ts', import.meta.url), {
    workerData: { ...data, report: port2 },
    transferList: [data.port, port2],
  });
}

/** What the front counts for these texts. */
async function count(front: number, texts: string[]): Promise<(number | string)[]> {
  const answer = once(reports[front]!, 'message') as Promise<[FromCountingFront]>;
  reports[front]!.postMessage({ texts, die: false } satisfies ToCountingFront);
  const [{ counts }] = await within(`the counts of front ${front}`, 30_000, answer);
  return counts;
}

beforeEach(() => {
  reports = [];
  gone = [];
});
afterEach(() =>
  closeAll(
    () => within('the fronts to end', 30_000, crew.drain(0, true)),
    () => pool.close(),
    async () => {
      for (const report of reports) report.close();
    },
  ),
);

test('three fronts at once each get their own counts', async () => {
  await start({ tokenizer: { threads: 2, deadlineMs: 20_000 } });
  const word = (front: number, at: number): string => ' yes'.repeat(1 + front * 20 + at);
  const all = await Promise.all(
    Array.from({ length: FRONTS }, (_, front) =>
      count(
        front,
        Array.from({ length: 20 }, (_, at) => word(front, at)),
      ),
    ),
  );
  const expected = Array.from({ length: FRONTS }, (_, front) =>
    Array.from({ length: 20 }, (_, at) => 1 + front * 20 + at),
  );
  assert.deepEqual(
    all.map((counts) => counts.toSorted((a, b) => Number(a) - Number(b))),
    expected,
  );
});

test('a front that dies while its texts are counted takes nothing from the others, and its queue is given up', async () => {
  await start({ tokenizer: { queueJobs: 8, deadlineMs: 20_000 } }, SCRIPTED);
  reports[0]!.postMessage({ texts: ['nap 300', 'a', 'b', 'c', 'd'], die: true } satisfies ToCountingFront);
  await waitFor('the front to be gone', () => gone.includes(0));
  assert.equal(pool.waiting, 0);
  assert.deepEqual(await count(1, ['abc', 'abcd']), [3, 4]);
});

test('whoever asks waits no longer than the deadline, whatever the worker does', async () => {
  await start({ tokenizer: { deadlineMs: 100 } }, SCRIPTED);
  assert.deepEqual(await count(0, ['spin', 'abc']), ['late', 'late']);
  await waitFor('the worker that hung to be given up', () => pool.running === 0);
  // Its successor may need longer than the deadline to start.
  await waitFor('a count in time', async () => (await count(1, ['abc']))[0] === 3);
});

test('a front may have its share out, the next text is busy, and one beyond the bound is refused', async () => {
  await start({ tokenizer: { jobBytesMax: 30_000, queueBytes: 65_536, deadlineMs: 20_000 } }, SCRIPTED);
  const text = 'x'.repeat(14_000);
  assert.deepEqual(await count(2, ['x'.repeat(30_001), text, text, text]), ['too_large', 'busy', 14_000, 14_000]);
});
