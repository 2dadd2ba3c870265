/**
 * JSON at a steady rate while PostgreSQL is quick, slow, frozen and stopped: what clients notice, how the journal grows and drains, and
 * whether the books are exact at the end.
 *
 *   a round:  quick ─► slow (every packet delayed) ─► frozen (SIGSTOP) ─► stopped ─► quick again (the noise of the same run)
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { PostgresProxy } from '../../test/support/proxy-postgres.ts';
import { connectSql, TestPostgres } from '../../test/support/test-postgres.ts';
import { type Audit, audit } from '../chaos/audit.ts';
import { readDebits, readRows } from '../chaos/books.ts';
import { LedgerUpstream } from '../load/ledger-upstream.ts';
import { type Latencies, SteadyLoad } from '../load/steady-load.ts';
import { KEY } from '../peers/penstock.ts';
import { ControlPort } from '../rig/control-port.ts';
import type { Rig, Scenario } from './scenario.ts';

const RATE_PER_SECOND = 200;
const DELAY_MS = 100;
const PHASE_MS = 10_000;
const QUICK_PHASE_MS = 2_500;
const JOURNAL_LOOK_MS = 200;
const BALANCE_USD = 1_000_000;
const NANO_PER_USD = 1_000_000_000n;
const MIB = 1024 * 1024;

export const database: Scenario = {
  name: 'database',
  title: 'PostgreSQL quick, slow, frozen, stopped',
  about:
    `${RATE_PER_SECOND} JSON requests a second, latency from the due moment, while PostgreSQL answers at once, ` +
    `${2 * DELAY_MS} ms late, not at all (SIGSTOP) and is not there; each against the quick phase of its round. ` +
    'At the end every row is compared with the upstream’s ledger.',
  run,
};

/** How PostgreSQL is in a phase, and how it gets well again. */
type Ail = (scene: Scene) => Promise<() => Promise<void>>;

const AILS: readonly [string, Ail][] = [
  ['quick', async () => async () => {}],
  [
    'slow',
    async ({ proxy }) => {
      proxy.delayMs = DELAY_MS;
      return async () => {
        proxy.delayMs = 0;
      };
    },
  ],
  [
    'frozen',
    async ({ postgres }) => {
      const thaw = postgres.freeze();
      return async () => thaw();
    },
  ],
  [
    'stopped',
    async ({ postgres }) => {
      await postgres.stop();
      return () => postgres.start();
    },
  ],
  ['quick again', async () => async () => {}],
];

interface Scene {
  rig: Rig;
  postgres: TestPostgres;
  proxy: PostgresProxy;
  upstream: LedgerUpstream;
  port: ControlPort;
  url: string;
}

async function run(rig: Rig): Promise<void> {
  const postgres = await TestPostgres.start();
  const upstream = await LedgerUpstream.start();
  const proxy = await PostgresProxy.start(postgres.url);
  try {
    const gateway = await rig.start('Penstock', upstream.url, { config: { database: { url: proxy.url } } });
    if (gateway === null) return;
    const { control, dataDir } = gateway.penstock!;
    try {
      const port = new ControlPort(control, dataDir);
      await measure({ rig, postgres, proxy, upstream, port, url: gateway.url });
    } finally {
      await gateway.stop(); // before its database
    }
  } finally {
    await proxy.close();
    await upstream.stop();
    await postgres.remove();
  }
}

async function measure(scene: Scene): Promise<void> {
  const load = new SteadyLoad({ base: scene.url, key: KEY, ratePerSecond: RATE_PER_SECOND, label: 'database' });
  const ratios: Ratio[] = [];
  try {
    await sleep(scene.rig.quick ? 1_000 : 3_000);
    const rounds = scene.rig.quick ? 1 : scene.rig.rounds;
    for (let round = 0; round < rounds; round++) ratios.push(...(await runRound(scene, load, round)));
  } finally {
    await load.stop();
  }
  judgeLatency(scene.rig, ratios);
  await judgeBooks(scene, load);
}

interface Ratio {
  phase: string;
  p50: number;
  p99: number;
  perSecond: number;
  failed: number;
}

async function runRound(scene: Scene, load: SteadyLoad, round: number): Promise<Ratio[]> {
  const phases: [string, Latencies][] = [];
  for (const [name, ail] of AILS) phases.push([name, await runPhase(scene, load, { name, ail, round })]);
  const base = phases[0]![1];
  return phases.slice(1).map(([name, latencies]) => {
    const ratio: Ratio = {
      phase: name,
      p50: latencies.p50 / base.p50,
      p99: latencies.p99 / base.p99,
      perSecond: latencies.perSecond / base.perSecond,
      failed: latencies.failed,
    };
    for (const metric of ['p50', 'p99'] as const) {
      const to = { case: caseOf(name), contender: 'Penstock', metric: `${metric} / quick`, unit: '×', round } as const;
      scene.rig.measured({ ...to, value: ratio[metric] });
    }
    return ratio;
  });
}

function caseOf(phase: string): string {
  return `PostgreSQL ${phase}`;
}

/** The phase, and then until everything that was served is in PostgreSQL, under the same load. */
async function runPhase(
  scene: Scene,
  load: SteadyLoad,
  { name, ail, round }: { name: string; ail: Ail; round: number },
): Promise<Latencies> {
  const { rig, port } = scene;
  const journal = new JournalGauge(port);
  await journal.look();
  const fromMs = performance.now();
  const heal = await ail(scene);
  const phaseMs = rig.quick ? QUICK_PHASE_MS : PHASE_MS;
  while (performance.now() < fromMs + phaseMs) {
    await sleep(JOURNAL_LOOK_MS);
    await journal.look();
  }
  const toMs = performance.now();
  await heal();
  const recoveryMs = await port.flushed();
  const latencies = load.between(fromMs, toMs);
  const measured = (metric: string, unit: string, value: number): void =>
    rig.measured({ case: caseOf(name), contender: 'Penstock', metric, unit, round, value });
  measured('p50', 'ms', latencies.p50);
  measured('p99', 'ms', latencies.p99);
  measured('requests per second', 'count', latencies.perSecond);
  measured('journal growth', 'MiB', journal.growthBytes / MIB);
  measured('backlog in PostgreSQL after', 'ms', recoveryMs);
  const { p50, p99, failed, count } = latencies;
  rig.say(`${name}: p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms of ${count}, ${failed} failed`);
  return latencies;
}

class JournalGauge {
  readonly #port: ControlPort;
  #first = -1;
  #most = 0;

  constructor(port: ControlPort) {
    this.#port = port;
  }

  get growthBytes(): number {
    return Math.max(0, this.#most - this.#first);
  }

  async look(): Promise<void> {
    const bytes = (await this.#port.metrics()).get('penstock_journal_bytes') ?? 0;
    if (this.#first < 0) this.#first = bytes;
    this.#most = Math.max(this.#most, bytes);
  }
}

const P50_MAX = 1.25;
/** On two shared cores the p99 of some hundred requests moves by this between two quiet phases alone. */
const P99_NOISE = 2;

function judgeLatency(rig: Rig, ratios: readonly Ratio[]): void {
  const of = (phase: string, metric: 'p50' | 'p99'): number[] =>
    ratios.filter((ratio) => ratio.phase === phase).map((ratio) => ratio[metric]);
  const noise = Math.max(P99_NOISE, 1.5 * median(of('quick again', 'p99')));
  for (const phase of ['slow', 'frozen', 'stopped']) {
    const [p50, p99] = [median(of(phase, 'p50')), median(of(phase, 'p99'))];
    const failed = ratios.filter((ratio) => ratio.phase === phase).reduce((sum, ratio) => sum + ratio.failed, 0);
    const held = p50 <= P50_MAX && p99 <= noise && failed === 0;
    rig.verdict({
      goal: `client latency while PostgreSQL is ${phase}, to quick in the same round`,
      bound: `p50 ≤ ${P50_MAX} ×, p99 ≤ ${noise.toFixed(2)} × (noise: quick again is ${median(of('quick again', 'p99')).toFixed(2)} ×), none failed`,
      measured: `p50 ${range(of(phase, 'p50'))}, p99 ${range(of(phase, 'p99'))}, ${failed} failed`,
      held,
      why: held ? '' : 'clients notice',
    });
  }
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

function range(values: readonly number[]): string {
  return `${median(values).toFixed(2)} (${Math.min(...values).toFixed(2)} … ${Math.max(...values).toFixed(2)})`;
}

async function judgeBooks({ rig, postgres, upstream, port }: Scene, { asked }: SteadyLoad): Promise<void> {
  await port.flushed();
  const sql = connectSql(postgres.url);
  let result: Audit;
  try {
    const [rows, debitedNanoUsd] = [await readRows(sql), await readDebits(sql, BigInt(BALANCE_USD) * NANO_PER_USD)];
    result = audit({ asked, ledger: await upstream.ledger(), rows, debitedNanoUsd });
  } finally {
    await sql.end({ timeout: 1 });
  }
  const { sent, completed, unbilled, different, twice, invented, rows, billed, served } = result;
  const { chargedNanoUsd, debitedNanoUsd } = result;
  const wrong = unbilled + different + twice + invented;
  const even =
    served.nanoUsd === billed.nanoUsd && chargedNanoUsd === debitedNanoUsd && chargedNanoUsd === billed.nanoUsd;
  rig.verdict({
    goal: 'usage rows lost or doubled, PostgreSQL slow, frozen and stopped',
    bound: '0; rows, charges and balances equal to the upstream’s ledger',
    measured: `${wrong} wrong of ${rows} rows for ${completed} of ${sent} requests; ${billed.nanoUsd} nano-USD billed, ${served.nanoUsd} served, ${debitedNanoUsd} debited`,
    held: wrong === 0 && even && completed === sent,
    why: result.differences.slice(0, 3).join('; '),
  });
}
