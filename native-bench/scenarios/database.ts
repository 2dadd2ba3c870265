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
import { SteadyLoad } from '../load/steady-load.ts';
import type { Contender } from '../peers/contender.ts';
import { KEY } from '../peers/penstock.ts';
import { find, formatRatio, type Ratio } from '../report/ratios.ts';
import { ControlPort } from '../rig/control-port.ts';
import { caseRatio } from './case-ratio.ts';
import type { ContenderName, Rig, Scenario } from './scenario.ts';
import { PLANS, secondsOf } from './windows.ts';

const { windows: WINDOWS } = PLANS.database;
/** Of each of the two loads. */
const RATE_PER_SECOND = 150;
const CONTROL: ContenderName = 'uWS forwarder';
const DELAY_MS = 100;
const JOURNAL_LOOK_MS = 200;
const BALANCE_USD = 1_000_000;
const NANO_PER_USD = 1_000_000_000n;
const MIB = 1024 * 1024;

export const database: Scenario = {
  name: 'database',
  title: 'PostgreSQL quick, slow, frozen, stopped',
  about:
    `${RATE_PER_SECOND} JSON requests a second, latency from the due moment, while PostgreSQL answers at once, ` +
    `${2 * DELAY_MS} ms late, not at all (SIGSTOP) and is not there; each against the quick phase of its round, and ` +
    'beside a forwarder under the same load that knows no PostgreSQL. At the end every row is compared with the upstream’s ledger.',
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
    async (scene) => {
      scene.thaw = scene.postgres.freeze();
      return async () => thaw(scene);
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
  /** A forwarder that knows no PostgreSQL, loaded at the same time; null when it takes no part. */
  control: Contender | null;
  /** While PostgreSQL is frozen. */
  thaw: (() => void) | null;
}

function thaw(scene: Scene): void {
  scene.thaw?.();
  scene.thaw = null;
}

async function run(rig: Rig): Promise<void> {
  const postgres = await TestPostgres.start();
  rig.ends(() => postgres.remove());
  const upstream = await LedgerUpstream.start();
  rig.ends(() => upstream.stop());
  const proxy = await PostgresProxy.start(postgres.url);
  rig.ends(() => proxy.close());
  const gateway = await rig.start('Penstock', upstream.url, { config: { database: { url: proxy.url } } });
  if (gateway === null) return;
  const { penstock } = gateway;
  const port = new ControlPort(penstock!.control, penstock!.dataDir);
  const control = await rig.start(CONTROL, upstream.url);
  const scene: Scene = { rig, postgres, proxy, upstream, port, url: gateway.url, control, thaw: null };
  rig.ends(() => thaw(scene)); // before it is told to end, which a frozen one does not hear
  await measure(scene);
}

interface Loads {
  load: SteadyLoad;
  control: SteadyLoad | null;
}

async function measure(scene: Scene): Promise<void> {
  const { rig } = scene;
  const steady = (base: string, label: string): SteadyLoad =>
    new SteadyLoad({ base, key: KEY, ratePerSecond: RATE_PER_SECOND, label });
  const load = steady(scene.url, 'database');
  const control = scene.control === null ? null : steady(scene.control.url, 'control');
  try {
    await sleep(secondsOf(rig, WINDOWS.warmUp) * 1_000);
    for (let round = 0; round < rig.rounds; round++) {
      for (const [name, ail] of AILS) await runPhase(scene, { load, control }, { name, ail, round });
    }
  } finally {
    await Promise.all([load.stop(), control?.stop()]);
  }
  judgeLatency(rig, control === null ? null : CONTROL);
  await judgeBooks(scene, load);
}

function caseOf(phase: string): string {
  return `PostgreSQL ${phase}`;
}

/** The phase, and then until everything that was served is in PostgreSQL, under the same load. */
async function runPhase(
  scene: Scene,
  { load, control }: Loads,
  { name, ail, round }: { name: string; ail: Ail; round: number },
): Promise<void> {
  const { rig, port } = scene;
  const journal = new JournalGauge(port);
  await journal.look();
  const fromMs = performance.now();
  const heal = await ail(scene);
  const phaseMs = secondsOf(rig, WINDOWS.phase) * 1_000;
  while (performance.now() < fromMs + phaseMs) {
    await sleep(JOURNAL_LOOK_MS);
    await journal.look();
  }
  const toMs = performance.now();
  await heal();
  const recoveryMs = await port.flushed();
  const { p50, p99, perSecond, failed, count } = load.between(fromMs, toMs);
  const figure = { case: caseOf(name), round } as const;
  const measured = (metric: string, unit: string, value: number): void =>
    rig.measured({ ...figure, contender: 'Penstock', metric, unit, value });
  measured('p50', 'ms', p50);
  measured('p99', 'ms', p99);
  if (control !== null) {
    const beside = control.between(fromMs, toMs);
    rig.measured({ ...figure, contender: CONTROL, metric: 'p50', unit: 'ms', value: beside.p50 });
    rig.measured({ ...figure, contender: CONTROL, metric: 'p99', unit: 'ms', value: beside.p99 });
  }
  measured('requests per second', '1/s', perSecond);
  measured('requests failed', 'count', failed);
  measured('journal growth', 'MiB', journal.growthBytes / MIB);
  measured('backlog in PostgreSQL after', 'ms', recoveryMs);
  rig.say(`${name}: p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms of ${count}, ${failed} failed`);
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
const P99_MAX = 2;
const NOISE_MAX = 1.5;

/** What two quick phases of a round differ by is noise, and no less is asked of the others. */
function judgeLatency(rig: Rig, control: ContenderName | null): void {
  // Every phase is measured in every round.
  const to = (phase: string, metric: string): Ratio =>
    caseRatio(rig, { metric, case: caseOf(phase), base: caseOf('quick'), control })!;
  const noise = to('quick again', 'p99');
  const p99Max = Math.max(P99_MAX, NOISE_MAX * noise.median);
  const divided = control === null ? '' : `, the ${control} beside it divided out`;
  for (const phase of ['slow', 'frozen', 'stopped']) {
    const [p50, p99] = [to(phase, 'p50'), to(phase, 'p99')];
    const failures =
      find(rig.measurements, { case: caseOf(phase), metric: 'requests failed' }, 'Penstock')?.values ?? [];
    const failed = failures.reduce<number>((sum, value) => sum + (value ?? 0), 0);
    const held = p50.median <= P50_MAX && p99.median <= p99Max && failed === 0;
    rig.verdict({
      goal: `client latency while PostgreSQL is ${phase}, to quick in the same round${divided}`,
      bound: `p50 ≤ ${P50_MAX} ×, p99 ≤ ${p99Max.toFixed(2)} × (quick again: ${formatRatio(noise)}), none failed`,
      measured: `p50 ${formatRatio(p50)}, p99 ${formatRatio(p99)}, ${failed} failed`,
      held,
      why: held ? '' : 'clients notice',
    });
  }
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
