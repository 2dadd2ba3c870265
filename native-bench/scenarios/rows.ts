/**
 * Normal traffic while millions of usage rows exist and operators turn the pages of the usage listing: what the readers cost the
 * clients, how long a page takes, and whether reading one ever walks through the log.
 */
import { statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { connectEmbedded } from '../../test/support/test-postgres.ts';
import { runClosedLoop } from '../load/closed-loop.ts';
import { at } from '../load/latencies.ts';
import { loadRows } from '../load/mass-rows.ts';
import { PageReaders } from '../load/page-readers.ts';
import { openLoopResult } from '../load/run-open-loop.ts';
import type { Contender } from '../peers/contender.ts';
import { KEY } from '../peers/penstock.ts';
import { find, formatRatio, type Ratio } from '../report/ratios.ts';
import { ControlPort } from '../rig/control-port.ts';
import { cpuOf } from '../rig/cpu-window.ts';
import { DataFolder } from '../rig/data-folder.ts';
import { StatementProbe } from '../rig/statement-probe.ts';
import { caseRatio } from './case-ratio.ts';
import type { Rig, Scenario } from './scenario.ts';
import { PLANS, secondsOf } from './windows.ts';

const { windows: WINDOWS } = PLANS.rows;
const ROWS = 10_000_000;
const QUICK_ROWS = 300_000;
const DISK_BYTES_MIN = 15 * 1024 ** 3;
const QUICK_DISK_BYTES_MIN = 1024 ** 3;
const RATE_PER_SECOND = 200;
const BODY_BYTES = 1_024;
const READERS = 4;
const PROBE_PAGES = 10;

export const rows: Scenario = {
  name: 'rows',
  title: 'Ten million usage rows, and usage pages read meanwhile',
  about:
    `${RATE_PER_SECOND} JSON requests a second before a usage log of 10,000,000 rows (300,000 with --quick) in six ` +
    `monthly partitions, without and with ${READERS} readers that turn four pages a second each; statements and blocks ` +
    'of a page from PostgreSQL’s own counters.',
  run,
};

async function run(rig: Rig): Promise<void> {
  const { bavail, bsize } = statfsSync(tmpdir());
  const free = bavail * bsize;
  const needed = rig.quick ? QUICK_DISK_BYTES_MIN : DISK_BYTES_MIN;
  if (free < needed) {
    rig.skipped(
      'usage pages over a large log',
      `${(free / 1e9).toFixed(0)} GB free, ${(needed / 1e9).toFixed(0)} needed`,
    );
    return;
  }
  const folder = new DataFolder();
  rig.ends(() => folder.remove());
  await loadRows(rig, folder.path, rig.quick ? QUICK_ROWS : ROWS);
  const mock = await rig.mock();
  const gateway = await rig.start('Penstock', mock.url, { config: { data: folder.path } });
  if (gateway === null) return;
  const scene = { rig, gateway, port: new ControlPort(gateway.penstock!.control, folder.path) };
  await probe(scene, folder.path);
  await measure(scene);
}

interface Scene {
  rig: Rig;
  port: ControlPort;
  gateway: Contender;
}

async function measure(scene: Scene): Promise<void> {
  const { rig, port, gateway } = scene;
  await closedLoop(gateway, secondsOf(rig, WINDOWS.warmUp));
  for (let round = 0; round < rig.rounds; round++) {
    for (const readers of round % 2 === 0 ? [false, true] : [true, false]) await watch(scene, { readers, round });
  }
  await port.flushed();
  judge(rig);
}

const ALONE = 'nobody reads pages';
const READ = 'while pages are read';

async function watch(
  { rig, port, gateway }: Scene,
  { readers, round }: { readers: boolean; round: number },
): Promise<void> {
  const reading = readers ? new PageReaders(port, READERS) : null;
  const figure = (metric: string, unit: string, value: number): void =>
    rig.measured({ case: readers ? READ : ALONE, contender: 'Penstock', metric, unit, round, value });
  const { total, failed, notStarted, invalid } = await openLoopResult({
    url: gateway.url,
    keys: [KEY],
    ratePerSecond: RATE_PER_SECOND,
    warmUpSeconds: secondsOf(rig, WINDOWS.openLoopWarmUp),
    seconds: secondsOf(rig, WINDOWS.steady),
  });
  const { totalUs, behindUs } = await cpuOf(gateway, () => closedLoop(gateway, secondsOf(rig, WINDOWS.load)));
  const pages = await reading?.stop();
  figure('CPU per request', 'µs', totalUs);
  figure('CPU of PostgreSQL', 'µs', behindUs);
  if (invalid === null) {
    figure('p50', 'ms', at(total, 50) / 1_000);
    figure('p99', 'ms', at(total, 99) / 1_000);
    figure('requests failed', 'count', failed + notStarted);
  } else {
    rig.skipped(`latency, ${readers ? READ : ALONE}, round ${round}`, invalid);
  }
  for (const { kind, pages: n, failed: pagesFailed, ...times } of pages ?? []) {
    figure(`p50, ${kind}`, 'ms', times.p50);
    figure(`p99, ${kind}`, 'ms', times.p99);
    rig.say(`${kind}: ${n} pages, p50 ${times.p50.toFixed(0)} ms, p99 ${times.p99.toFixed(0)} ms`);
    if (pagesFailed > 0) rig.note(`${kind}, round ${round}: ${pagesFailed} of ${n + pagesFailed} pages failed`);
  }
}

/** CPU is counted under full load: at some hundred requests a second most of it is waking up. */
function closedLoop({ url, headers }: Contender, seconds: number): Promise<number> {
  return runClosedLoop({ url, headers, key: KEY, bodyBytes: BODY_BYTES, stream: false, connections: 32, seconds });
}

/** Statements and blocks a page, while nothing else reads the log. */
async function probe({ rig, port }: Scene, dataDir: string): Promise<void> {
  const sql = connectEmbedded(dataDir);
  try {
    const statements = await StatementProbe.start(sql);
    const logBlocks = await statements.logBlocks();
    for (const kindOf of PageReaders.kinds) {
      const { kind, query, rows: pageRows } = kindOf;
      const { statements: calls, blocks } = await statements.during(async () => {
        let next = query;
        for (let i = 1; i <= PROBE_PAGES; i++) next = PageReaders.next(kindOf, await port.usage(next), i);
      });
      const [callsEach, blocksEach] = [calls / PROBE_PAGES, blocks / PROBE_PAGES];
      const figure = { case: kind, contender: 'Penstock', round: 0, unit: 'count' } as const;
      rig.measured({ ...figure, metric: 'SQL statements per page', value: callsEach });
      rig.measured({ ...figure, metric: 'blocks per page', value: blocksEach });
      const most = BLOCKS_FIXED + BLOCKS_PER_ROW * pageRows;
      rig.verdict({
        goal: `reading a usage page never walks through the log (${kind})`,
        bound: `≤ ${most} blocks of 8 KiB a page`,
        measured: `${blocksEach.toFixed(0)} blocks of ${logBlocks} in ${callsEach.toFixed(1)} statements`,
        held: blocksEach <= most,
        why: blocksEach <= most ? '' : 'the totals of the page read the whole log',
      });
    }
  } finally {
    await sql.end({ timeout: 1 });
  }
}

/** A descent into each index, catalogs; a row, and its entry in the index. */
const BLOCKS_FIXED = 200;
const BLOCKS_PER_ROW = 2;
const CPU_MAX = 1.25;
const P99_MAX = 2;

function judge(rig: Rig): void {
  const to = (metric: string): Ratio | null => caseRatio(rig, { metric, case: READ, base: ALONE });
  const [cpu, p50, p99] = [to('CPU per request'), to('p50'), to('p99')];
  const failures = find(rig.measurements, { case: READ, metric: 'requests failed' }, 'Penstock')?.values ?? [];
  const failed = failures.reduce<number>((sum, value) => sum + (value ?? 0), 0);
  const measured = cpu !== null && p99 !== null;
  const held = measured ? cpu.median <= CPU_MAX && p99.median <= P99_MAX && failed === 0 : null;
  rig.verdict({
    goal: 'what readers of usage pages cost the clients, to the same load without readers',
    bound: `CPU per request ≤ ${CPU_MAX} ×, p99 ≤ ${P99_MAX} ×, none failed`,
    measured: `CPU ${formatRatio(cpu)}, p50 ${formatRatio(p50)}, p99 ${formatRatio(p99)}, ${failed} failed`,
    held,
    why: whyNot(held),
  });
}

function whyNot(held: boolean | null): string {
  if (held === null) return 'the driver was too late itself in every pair of rounds';
  return held ? '' : 'pages are made by primary and PostgreSQL, which share the cores with front and load';
}
