/**
 * From the start of the command to the first byte that it relays: with an empty data folder, beside what its PostgreSQL takes by
 * itself, and again with the folder that it left.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { stringify } from 'yaml';
import { freePort } from '../../test/support/free-port.ts';
import { firstByte } from '../load/first-byte.ts';
import { rawRequest } from '../load/requests.ts';
import { KEY, penstockConfiguration } from '../peers/penstock.ts';
import { formatRatio } from '../report/ratios.ts';
import { stopChild } from '../rig/child.ts';
import { DataFolder } from '../rig/data-folder.ts';
import { onAllCores } from '../rig/pinning.ts';
import { postgresAlone } from '../rig/postgres-alone.ts';
import { caseRatio } from './case-ratio.ts';
import { judgeRatio } from './ratio-verdict.ts';
import type { Rig, Scenario } from './scenario.ts';

const REPOSITORY = resolve(import.meta.dirname, '../..');
const METRIC = 'time';
const COLD = 'start on an empty data folder to first relayed byte';
const RESTART = 'restart on its data folder to first relayed byte';
const ALONE = 'initdb and pg_ctl start alone';
const RATIO_MAX = 2;
const START_BOUND_MS = 60_000;

async function run(rig: Rig): Promise<void> {
  if (!rig.contenders.includes('Penstock')) return;
  const mock = await rig.mock();
  // Files into the page cache, so that whoever comes first does not pay for the disk.
  await onAllCores(async () => {
    await postgresAlone();
    for (let round = 0; round < rig.rounds; round++) {
      if (round % 2 === 0) await measureAlone(rig, round);
      await measureStarts(rig, mock.url, round);
      if (round % 2 === 1) await measureAlone(rig, round);
    }
  });
  judge(rig);
}

async function measureAlone(rig: Rig, round: number): Promise<void> {
  rig.say(`round ${round + 1}: PostgreSQL alone`);
  const { initdbMs, startMs } = await postgresAlone();
  const figure = { contender: 'Penstock', metric: METRIC, unit: 'ms', round } as const;
  rig.measured({ ...figure, case: ALONE, value: initdbMs + startMs });
  rig.measured({ ...figure, case: `${ALONE}, of it initdb`, value: initdbMs });
}

async function measureStarts(rig: Rig, upstream: string, round: number): Promise<void> {
  rig.say(`round ${round + 1}: start and restart`);
  const folder = new DataFolder();
  rig.ends(() => folder.remove());
  const listen = { host: '127.0.0.1', port: await freePort() };
  const home = dirname(folder.path);
  const configFile = join(home, 'penstock.yaml');
  writeFileSync(configFile, stringify(penstockConfiguration(home, upstream, { config: { listen } })));
  const started = { rig, configFile, port: listen.port };
  const figure = { contender: 'Penstock', metric: METRIC, unit: 'ms', round } as const;
  rig.measured({ ...figure, case: COLD, value: await startOnce(started) });
  rig.measured({ ...figure, case: RESTART, value: await startOnce(started) });
  folder.remove();
}

/** Milliseconds; the gateway and its PostgreSQL have ended when it resolves. */
async function startOnce({ rig, configFile, port }: { rig: Rig; configFile: string; port: number }): Promise<number> {
  const request = rawRequest(`http://127.0.0.1:${port}`, { key: KEY, bodyBytes: 1_024, stream: false });
  const beginMs = performance.now();
  const child = spawn(process.execPath, ['src/bootstrap.mjs', 'start', '--config', configFile], {
    cwd: REPOSITORY,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  rig.ends(() => stopChild(child));
  try {
    return (await Promise.race([firstByte(port, request, START_BOUND_MS), early(child)])) - beginMs;
  } finally {
    await stopChild(child);
  }
}

/** Rejects when the command ends; never resolves. */
function early(child: ChildProcess): Promise<never> {
  return new Promise((_, reject) => {
    child.once('exit', (code) => reject(new Error(`the command ended with ${code} before it relayed anything`)));
  });
}

function judge(rig: Rig): void {
  const ratio = caseRatio(rig, { metric: METRIC, case: COLD, base: ALONE });
  const goal = 'cold start, empty data folder to first relayed byte';
  const bound = `≤ ${RATIO_MAX} × initdb + pg_ctl start alone`;
  judgeRatio(rig, ratio, { goal, bound, max: RATIO_MAX, why: 'beside PostgreSQL: modules, migrations, catalog' });
  const restart = caseRatio(rig, { metric: METRIC, case: RESTART, base: ALONE });
  rig.note(`A restart on its own data folder takes ${formatRatio(restart)} × initdb + pg_ctl start alone.`);
}

export const coldStart: Scenario = {
  name: 'cold-start',
  title: 'Cold start and restart',
  about:
    '`bootstrap.mjs start`, which is what `npm start` runs, to the first byte of a relayed answer, alternated with `initdb` and ' +
    '`pg_ctl start` of the same binaries as the same system user. Nothing is pinned: all of them may use every core.',
  run,
};
