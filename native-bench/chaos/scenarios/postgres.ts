/** PostgreSQL killed, and frozen for longer than a batch may take, with a batch stopped in each of its phases. */
import { setTimeout as sleep } from 'node:timers/promises';
import { TestPostgres } from '../../../test/support/test-postgres.ts';
import { within } from '../../../test/support/wait-for.ts';
import { usageSection } from '../features.ts';
import { PHASES, type Phase, PostgresProxy } from '../postgres-proxy.ts';
import { Rig } from '../rig.ts';
import { judgeExact, judgeWhole, type Outcome, type RunOptions, type Scenario } from '../scenario.ts';

const PROMISE = 'clients do not notice: none broken or refused; every answer billed exactly, once; nothing left over';
const BATCH_TIMEOUT_MS = 1_000;
const AWAY_MS = 300;

type Fate = 'killed' | 'frozen';

const QUICK_PHASES: Record<Fate, readonly Phase[]> = {
  killed: ['copy', 'commit', 'committed'],
  frozen: ['begin', 'insert', 'commit'],
};

async function run({ quick, seed, say }: RunOptions): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const fate of ['killed', 'frozen'] as const) outcomes.push(await runFate(fate, { quick, seed, say }));
  return outcomes;
}

async function runFate(fate: Fate, { quick, seed, say }: RunOptions): Promise<Outcome> {
  const database = await TestPostgres.start();
  const proxy = await PostgresProxy.start(database.url);
  try {
    const config = {
      database: { url: proxy.url },
      usage: { ...usageSection('async'), batchTimeoutMs: BATCH_TIMEOUT_MS },
    };
    const rig = await Rig.start({ seed, config, booksUrl: database.url });
    try {
      return await strike(rig, {
        database,
        proxy,
        fate,
        rounds: quick ? 1 : 2,
        phases: quick ? QUICK_PHASES[fate] : PHASES,
        say,
      });
    } finally {
      await rig.close();
    }
  } finally {
    await proxy.close();
    await database.remove();
  }
}

interface Strikes {
  database: TestPostgres;
  proxy: PostgresProxy;
  fate: Fate;
  rounds: number;
  phases: readonly Phase[];
  say: RunOptions['say'];
}

async function strike(rig: Rig, { database, proxy, fate, rounds, phases, say }: Strikes): Promise<Outcome> {
  await rig.startLoad();
  let events = 0;
  for (let round = 0; round < rounds; round++) {
    for (const phase of phases) {
      await within(`a batch in phase ${phase}`, 20_000, proxy.reach(phase));
      if (fate === 'killed') await killAndStart(database, proxy);
      else await freeze(database, proxy, phase);
      events++;
      // The writer pauses between tries; the next phase is struck when batches flow again.
      await rig.gateway.flush().catch(() => {});
      await rig.flowing();
      say(`postgres ${fate} in ${phase} (${round + 1}/${rounds})`);
    }
  }
  await rig.stopLoad();
  const outcome = await rig.outcome(`PostgreSQL ${fate} in ${phasesInWords(phases)}`, PROMISE, events);
  judge(outcome);
  return outcome;
}

function phasesInWords(phases: readonly Phase[]): string {
  const words: Record<Phase, string> = {
    begin: 'begin',
    copy: 'copy',
    insert: 'insert',
    commit: 'commit',
    committed: 'commit done, answer lost',
  };
  return phases.map((phase) => words[phase]).join('; ');
}

async function killAndStart(database: TestPostgres, proxy: PostgresProxy): Promise<void> {
  await database.crash();
  proxy.cut();
  await sleep(AWAY_MS);
  await database.start();
}

/**
 * What was held goes into the frozen server's buffers: it runs when the writer has long given up on it. The answer to a commit
 * that is done comes too late instead.
 */
async function freeze(database: TestPostgres, proxy: PostgresProxy, phase: Phase): Promise<void> {
  const thaw = database.freeze();
  try {
    if (phase !== 'committed') proxy.release();
    await sleep(BATCH_TIMEOUT_MS * 1.5);
    proxy.release();
  } finally {
    thaw();
  }
}

function judge(outcome: Outcome): void {
  const { audit, failures } = outcome;
  const { refused, unanswered } = audit!;
  judgeWhole(outcome);
  judgeExact(outcome);
  for (const [status, count] of Object.entries(refused)) failures.push(`${count} refused with ${status}`);
  for (const [cause, count] of Object.entries(unanswered)) failures.push(`${count} unanswered: ${cause}`);
}

export const postgres: Scenario = { name: 'postgres', title: 'PostgreSQL killed and frozen in each phase', run };
