/**
 * Side by side in one run: nginx as a bare reverse proxy, a bare uWebSockets.js + undici forwarder, and Penstock, before the same
 * mock upstream. Prints CPU time per JSON request and per SSE event as ratios, pair by pair within a round, as median and range.
 *
 *   npm run bench:nginx [-- --quick] [--rounds N] [--against DIR]
 *
 * `--against` takes another checkout of Penstock with its packages installed, say a worktree of an earlier commit, and measures it in
 * the same rounds as "before".
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { runStreams, runWrk, writeWrkScript } from './load/load.ts';
import type { Contender } from './peers/contender.ts';
import { startNginx } from './peers/nginx.ts';
import { KEY, startPenstock } from './peers/penstock.ts';
import { startFile, stopChild } from './rig/child.ts';
import { cpuTime, type ThreadTime, threadTimes } from './rig/cpu-time.ts';

const { values: options } = parseArgs({
  options: { quick: { type: 'boolean' }, rounds: { type: 'string' }, against: { type: 'string' } },
});
/** npm runs scripts in the package's folder; the path is meant from where it was called. */
const AGAINST = options.against === undefined ? null : resolve(process.env['INIT_CWD'] ?? '.', options.against);
const BEFORE = 'before';
const QUICK = options.quick === true;
const ROUNDS = Number(options.rounds ?? (QUICK ? 3 : 7));
const JSON_SECONDS = QUICK ? 2 : 5;
const STREAMS = QUICK ? 100 : 200;
const EVENTS_PER_STREAM = QUICK ? 200 : 500;
const EVENT_PACE_MS = 10;

/** Microseconds of CPU per unit of work. */
interface Cost {
  userUs: number;
  systemUs: number;
  behindUs: number;
}

type Kind = 'JSON request' | 'SSE event';

async function measure(contender: Contender, work: () => Promise<number>): Promise<Cost> {
  const before = cpuTime(contender.pids());
  const behindBefore = cpuTime(contender.behindPids());
  const units = await work();
  const after = cpuTime(contender.pids());
  const behindAfter = cpuTime(contender.behindPids());
  const behindMs = behindAfter.userMs + behindAfter.systemMs - behindBefore.userMs - behindBefore.systemMs;
  return {
    userUs: ((after.userMs - before.userMs) * 1000) / units,
    systemUs: ((after.systemMs - before.systemMs) * 1000) / units,
    behindUs: (behindMs * 1000) / units,
  };
}

function total(cost: Cost): number {
  return cost.userUs + cost.systemUs;
}

function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

class Results {
  readonly #costs = new Map<string, Cost[]>();

  add(name: string, kind: Kind, cost: Cost): void {
    const key = `${name}|${kind}`;
    this.#costs.set(key, [...(this.#costs.get(key) ?? []), cost]);
  }

  of(name: string, kind: Kind): Cost[] {
    return this.#costs.get(`${name}|${kind}`) ?? [];
  }

  printCosts(names: string[], kind: Kind): void {
    console.log(`\nCPU per ${kind}, µs (median of ${ROUNDS} rounds)`);
    for (const name of names) {
      const costs = this.of(name, kind);
      const column = (pick: (cost: Cost) => number): string => median(costs.map(pick)).toFixed(1).padStart(7);
      const behind = median(costs.map((cost) => cost.behindUs));
      console.log(
        `  ${name.padEnd(16)} ${column(total)}   user ${column((c) => c.userUs)}  system ${column((c) => c.systemUs)}` +
          (behind > 0 ? `   (and PostgreSQL ${behind.toFixed(1)})` : ''),
      );
    }
  }

  /** Ratios are taken within a round, so that what the machine does meanwhile meets both alike. */
  printRatio(name: string, base: string, kind: Kind, goal: string): void {
    const bases = this.of(base, kind);
    const ratios = this.of(name, kind).map((cost, round) => total(cost) / total(bases[round]!));
    const range = `${Math.min(...ratios).toFixed(2)} … ${Math.max(...ratios).toFixed(2)}`;
    console.log(`  ${name} / ${base}, ${kind}: ${median(ratios).toFixed(2)} (${range}); goal ${goal}`);
  }
}

function rotate<T>(items: T[], by: number): T[] {
  return items.map((_, i) => items[(i + by) % items.length]!);
}

/** Where the gateway process spends: its busiest threads. */
function printThreads(before: ThreadTime[], after: ThreadTime[], kind: Kind): void {
  const start = new Map(before.map((thread) => [thread.id, thread]));
  const spent = after
    .map(({ id, name, userMs, systemMs }) => ({
      name: `${name} ${id}`,
      userMs: userMs - (start.get(id)?.userMs ?? 0),
      systemMs: systemMs - (start.get(id)?.systemMs ?? 0),
    }))
    .filter(({ userMs, systemMs }) => userMs + systemMs > 0)
    .sort((a, b) => b.userMs + b.systemMs - a.userMs - a.systemMs);
  const all = spent.reduce((sum, { userMs, systemMs }) => sum + userMs + systemMs, 0);
  console.log(`\nThreads of Penstock, ${kind} (share of its CPU; user/system ms)`);
  for (const { name, userMs, systemMs } of spent.slice(0, 6)) {
    const share = ((userMs + systemMs) / all) * 100;
    console.log(`  ${name.padEnd(28)} ${share.toFixed(0).padStart(3)} %   ${userMs}/${systemMs}`);
  }
}

async function run(contenders: Contender[], script: string, results: Results): Promise<void> {
  const work: Record<Kind, (contender: Contender) => Promise<number>> = {
    'JSON request': ({ url }) => runWrk(url, script, JSON_SECONDS),
    'SSE event': ({ url }) => runStreams(url, KEY, STREAMS),
  };
  for (const kind of ['JSON request', 'SSE event'] as Kind[]) {
    for (const { url } of contenders) await warmUp(url, script, kind);
    const gateway = contenders.find(({ name }) => name === 'Penstock')!;
    const before = threadTimes(gateway.pids()[0]!);
    for (let round = 0; round < ROUNDS; round++) {
      for (const contender of rotate(contenders, round)) {
        results.add(contender.name, kind, await measure(contender, () => work[kind](contender)));
      }
    }
    printThreads(before, threadTimes(gateway.pids()[0]!), kind);
  }
}

function printBefore(results: Results): void {
  console.log(`\nBefore is ${AGAINST}`);
  for (const kind of ['JSON request', 'SSE event'] as Kind[]) {
    results.printRatio('Penstock', BEFORE, kind, 'none');
    results.printRatio(BEFORE, 'bare forwarder', kind, 'none');
  }
}

function warmUp(url: string, script: string, kind: Kind): Promise<number> {
  return kind === 'JSON request' ? runWrk(url, script, QUICK ? 1 : 3) : runStreams(url, KEY, 10);
}

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-compare-'));
  const script = join(folder, 'post.lua');
  writeWrkScript(script, KEY);
  const mock = await startFile('load/mock.ts', [String(EVENTS_PER_STREAM), String(EVENT_PACE_MS)]);
  const contenders: Contender[] = [];
  try {
    contenders.push(await startNginx(mock.url));
    const bare = await startFile('peers/uws-forwarder.ts', [mock.url]);
    contenders.push({
      name: 'bare forwarder',
      url: bare.url,
      pids: () => [bare.pid],
      behindPids: () => [],
      stop: () => stopChild(bare.child),
    });
    contenders.push(await startPenstock(mock.url));
    if (AGAINST !== null) contenders.push(await startPenstock(mock.url, { name: BEFORE, root: AGAINST }));
    const results = new Results();
    await run(contenders, script, results);
    const names = contenders.map(({ name }) => name);
    results.printCosts(names, 'JSON request');
    results.printCosts(names, 'SSE event');
    console.log('\nRatios (median of pairs, range)');
    results.printRatio('Penstock', 'bare forwarder', 'JSON request', '≤ 1.25');
    results.printRatio('Penstock', 'nginx', 'JSON request', '≤ 2.0');
    results.printRatio('bare forwarder', 'nginx', 'JSON request', 'none');
    results.printRatio('Penstock', 'bare forwarder', 'SSE event', 'none');
    results.printRatio('Penstock', 'nginx', 'SSE event', '≤ 1.2');
    results.printRatio('bare forwarder', 'nginx', 'SSE event', 'none');
    if (AGAINST !== null) printBefore(results);
  } finally {
    for (const contender of contenders) await contender.stop();
    await stopChild(mock.child);
    rmSync(folder, { recursive: true, force: true });
  }
}

await main();
