/**
 * Normal traffic while millions of usage rows exist and operators read the usage listing without pause: what the readers cost the
 * clients, how long a page takes, and whether reading one ever walks through the log.
 */
import { mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connectEmbedded } from '../../test/support/test-postgres.ts';
import { runWrk, writeWrkScript } from '../load/load.ts';
import { loadRows } from '../load/mass-rows.ts';
import { PageReaders } from '../load/page-readers.ts';
import { SteadyLoad } from '../load/steady-load.ts';
import type { Contender } from '../peers/contender.ts';
import { KEY } from '../peers/penstock.ts';
import { cpuTime, threadTimes } from '../rig/cpu-time.ts';
import { DataFolder } from '../rig/data-folder.ts';
import { StatementProbe } from '../rig/statement-probe.ts';
import type { Rig, Scenario } from './scenario.ts';

const ROWS = 10_000_000;
const QUICK_ROWS = 300_000;
const DISK_BYTES_MIN = 15 * 1024 ** 3;
const QUICK_DISK_BYTES_MIN = 1024 ** 3;
const RATE_PER_SECOND = 200;
const WINDOW_MS = 10_000;
const QUICK_WINDOW_MS = 4_000;
const WARM_UP_SECONDS = 2;
const WARM_UP_MS = 1_000;
const READERS = 2;
const PROBE_PAGES = 10;

export const rows: Scenario = {
  name: 'rows',
  title: 'Ten million usage rows, and usage pages read meanwhile',
  about:
    `${RATE_PER_SECOND} JSON requests a second before a usage log of 10,000,000 rows (300,000 with --quick) in six ` +
    `monthly partitions, without and with ${READERS} readers of the usage listing that never pause; statements and scans ` +
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
  try {
    const count = rig.quick ? QUICK_ROWS : ROWS;
    await loadRows(folder.path, count, (text) => rig.say(text));
    const mock = await rig.mock();
    const gateway = await rig.start('Penstock', mock.url, { config: { data: folder.path } });
    if (gateway === null) return;
    try {
      await measure({ rig, folder, gateway });
    } finally {
      await gateway.stop();
    }
  } finally {
    folder.remove();
  }
}

interface Scene {
  rig: Rig;
  folder: DataFolder;
  gateway: Contender;
}

interface Window {
  cpuUs: number;
  frontUs: number;
  p50: number;
  p99: number;
  failed: number;
}

async function measure(scene: Scene): Promise<void> {
  const { rig, folder, gateway } = scene;
  await probe(scene);
  await warmUp(gateway.url);
  const load = new SteadyLoad({ base: gateway.url, key: KEY, ratePerSecond: RATE_PER_SECOND, label: 'rows' });
  const ratios: { cpu: number; front: number; p50: number; p99: number; failed: number }[] = [];
  try {
    await sleep(WARM_UP_MS);
    for (let round = 0; round < rig.rounds; round++) {
      const order = round % 2 === 0 ? ['alone', 'read'] : ['read', 'alone'];
      const windows: Record<string, Window> = {};
      for (const kind of order) windows[kind] = await watch(scene, load, { readers: kind === 'read', round });
      const [alone, read] = [windows['alone']!, windows['read']!];
      ratios.push({
        cpu: read.cpuUs / alone.cpuUs,
        front: read.frontUs / alone.frontUs,
        p50: read.p50 / alone.p50,
        p99: read.p99 / alone.p99,
        failed: read.failed + alone.failed,
      });
    }
  } finally {
    await load.stop();
  }
  await folder.flush();
  judge(rig, ratios);
}

/** As fast as it goes, so that code is compiled before CPU is counted. */
async function warmUp(url: string): Promise<void> {
  const scratch = mkdtempSync(join(tmpdir(), 'bench-rows-'));
  try {
    writeWrkScript(join(scratch, 'post.lua'), KEY);
    await runWrk(url, join(scratch, 'post.lua'), WARM_UP_SECONDS);
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

async function watch(
  { rig, folder, gateway }: Scene,
  load: SteadyLoad,
  { readers, round }: { readers: boolean; round: number },
): Promise<Window> {
  const reading = readers ? new PageReaders(folder, READERS) : null;
  const busyMs = (): number => sumMs(cpuTime(gateway.pids()));
  const frontMs = (): number => frontThreadMs(gateway.pids()[0]!);
  const [cpuBefore, frontBefore, fromMs] = [busyMs(), frontMs(), performance.now()];
  await sleep(rig.quick ? QUICK_WINDOW_MS : WINDOW_MS);
  const [cpu, front, toMs] = [busyMs() - cpuBefore, frontMs() - frontBefore, performance.now()];
  const pages = await reading?.stop();
  const { p50, p99, failed, count } = load.between(fromMs, toMs);
  const measured = { cpuUs: (cpu * 1000) / count, frontUs: (front * 1000) / count, p50, p99, failed };
  const name = readers ? 'while pages are read' : 'nobody reads pages';
  const figure = (metric: string, unit: string, value: number): void =>
    rig.measured({ case: name, contender: 'Penstock', metric, unit, round, value });
  figure('CPU per request', 'µs', measured.cpuUs);
  figure('CPU of the front per request', 'µs', measured.frontUs);
  figure('p50', 'ms', p50);
  figure('p99', 'ms', p99);
  for (const { kind, p50: pageP50, p99: pageP99, pages: n, failed: pagesFailed } of pages ?? []) {
    figure(`p50, ${kind}`, 'ms', pageP50);
    figure(`p99, ${kind}`, 'ms', pageP99);
    rig.say(`${kind}: ${n} pages, p50 ${pageP50.toFixed(0)} ms, p99 ${pageP99.toFixed(0)} ms, ${pagesFailed} failed`);
    if (pagesFailed > 0) rig.note(`${kind}, round ${round}: ${pagesFailed} of ${n + pagesFailed} pages failed`);
  }
  return measured;
}

function sumMs({ userMs, systemMs }: { userMs: number; systemMs: number }): number {
  return userMs + systemMs;
}

/** The busiest thread but the main one, which serves the pages: under load that is the front. */
function frontThreadMs(pid: number): number {
  return Math.max(
    ...threadTimes(pid)
      .filter(({ id }) => id !== pid)
      .map(sumMs),
  );
}

/** Statements and blocks a page, while nothing else reads the log. */
async function probe({ rig, folder }: Scene): Promise<void> {
  const sql = connectEmbedded(folder.path);
  try {
    const statements = await StatementProbe.start(sql);
    const logBlocks = await statements.logBlocks();
    for (const { kind, query, rows: pageRows } of PageReaders.kinds) {
      const { statements: calls, blocks } = await statements.during(async () => {
        let next = query;
        for (let i = 0; i < PROBE_PAGES; i++) next = PageReaders.next(query, await folder.usage(next));
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
const FRONT_CPU_MAX = 1.15;
const P99_MAX = 2;

function judge(rig: Rig, ratios: { cpu: number; front: number; p50: number; p99: number; failed: number }[]): void {
  const of = (metric: 'cpu' | 'front' | 'p50' | 'p99'): string => {
    const sorted = ratios.map((ratio) => ratio[metric]).sort((a, b) => a - b);
    return `${mid(sorted).toFixed(2)} (${sorted[0]!.toFixed(2)} … ${sorted.at(-1)!.toFixed(2)})`;
  };
  const failed = ratios.reduce((sum, ratio) => sum + ratio.failed, 0);
  const [front, p99] = [mid(ratios.map((ratio) => ratio.front)), mid(ratios.map((ratio) => ratio.p99))];
  const held = front <= FRONT_CPU_MAX && p99 <= P99_MAX && failed === 0;
  rig.verdict({
    goal: 'what readers of usage pages cost the clients, to the same load without readers',
    bound: `front CPU a request ≤ ${FRONT_CPU_MAX} ×, p99 ≤ ${P99_MAX} ×, none failed`,
    measured: `front ${of('front')}, process ${of('cpu')}, p50 ${of('p50')}, p99 ${of('p99')}, ${failed} failed`,
    held,
    why: held ? '' : 'readers and clients share the cores: PostgreSQL works for the pages where the front runs',
  });
}

function mid(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1]!;
}
