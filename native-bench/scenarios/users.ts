/**
 * Many distinct users and keys: what the first request of a key costs after a start, and what every later one does: CPU, latency,
 * and statements by PostgreSQL's own counters.
 */
import { connectEmbedded, type Sql } from '../../test/support/test-postgres.ts';
import { runClosedLoop } from '../load/closed-loop.ts';
import { KeptConnections } from '../load/kept-connections.ts';
import { addUsers, fillCatalog, keyOf } from '../load/mass-catalog.ts';
import { rawRequest } from '../load/requests.ts';
import type { Contender } from '../peers/contender.ts';
import { KEY } from '../peers/penstock.ts';
import { percentile } from '../report/spread.ts';
import { DataFolder } from '../rig/data-folder.ts';
import { statementCalls, statementsBetween, watchStatements } from '../rig/request-statements.ts';
import { processMicroseconds } from '../rig/thread-clock.ts';
import type { Rig, Scenario } from './scenario.ts';
import { PLANS, secondsOf } from './windows.ts';

const USERS = [100, 1_000] as const;
const CONNECTIONS = 16;
const BODY_BYTES = 1_024;
/** Passes over all keys once they are warm. */
const WARM_PASSES = 5;
/** The configuration's own group: its account serves everybody here. */
const GROUP = 'main';
const PLACES = 1_000;

interface Scene {
  rig: Rig;
  gateway: Contender;
  sql: Sql;
  connections: KeptConnections;
}

async function run(rig: Rig): Promise<void> {
  const mock = await rig.mock();
  const folder = new DataFolder();
  rig.ends(() => folder.remove());
  const names = Array.from({ length: rig.rounds }, (_, round) =>
    USERS.flatMap((count) => namesOf(count, round)),
  ).flat();
  await fillCatalog(rig, folder.path, (sql) => addUsers(sql, { names, group: GROUP, concurrency: PLACES }));
  const gateway = await rig.start('Penstock', mock.url, { config: { data: folder.path } });
  if (gateway === null) return;
  const sql = connectEmbedded(folder.path);
  rig.ends(() => sql.end());
  await watchStatements(sql);
  rig.say('compilers warm up with one key');
  const loop = { url: gateway.url, key: KEY, stream: false, bodyBytes: BODY_BYTES, connections: CONNECTIONS };
  await runClosedLoop({ ...loop, seconds: secondsOf(rig, PLANS.users.windows.warmUp) }).catch(() => {});
  const connections = new KeptConnections(gateway.url, CONNECTIONS);
  rig.ends(() => connections.close());
  const scene = { rig, gateway, sql, connections };
  for (let round = 0; round < rig.rounds; round++) {
    for (const count of round % 2 === 0 ? USERS : USERS.toReversed()) await measure(scene, count, round);
  }
  judge(rig);
  rig.note('Redis commands are not counted: coordination is in shared memory, nothing speaks to Redis yet.');
}

/** Of one round: each has its own, so that they are cold. */
function namesOf(count: number, round: number): string[] {
  return Array.from({ length: count }, (_, index) => `round-${round}-of-${count}-user-${index}`);
}

function caseOf(count: number, state: 'cold' | 'warm'): string {
  return `${count.toLocaleString('en-US')} users, ${state} keys`;
}

async function measure(scene: Scene, count: number, round: number): Promise<void> {
  scene.rig.say(`round ${round + 1}: ${count} users`);
  const shape = { bodyBytes: BODY_BYTES, stream: false };
  const requests = namesOf(count, round).map((name) => rawRequest(scene.gateway.url, { ...shape, key: keyOf(name) }));
  await pass(scene, { name: caseOf(count, 'cold'), round, requests });
  const often = Array.from({ length: WARM_PASSES }, () => requests).flat();
  await pass(scene, { name: caseOf(count, 'warm'), round, requests: often });
}

interface Pass {
  name: string;
  round: number;
  requests: readonly Buffer[];
}

async function pass({ rig, gateway, sql, connections }: Scene, { name, round, requests }: Pass): Promise<void> {
  const callsBefore = await statementCalls(sql);
  const beforeUs = processMicroseconds(gateway.pids());
  const tookMs = await connections.askEach(requests);
  const spentUs = processMicroseconds(gateway.pids()) - beforeUs;
  const { ofRequests, requestCalls, backgroundCalls } = statementsBetween(callsBefore, await statementCalls(sql));
  const figure = (metric: string, unit: string, value: number): void =>
    rig.measured({ case: name, contender: 'Penstock', metric, unit, round, value });
  figure('CPU per request', 'µs', spentUs / requests.length);
  figure('p50', 'ms', percentile(tookMs, 0.5));
  figure('p99', 'ms', percentile(tookMs, 0.99));
  figure('SQL statements per request', 'count', requestCalls / requests.length);
  figure('SQL statements of batches per request', 'count', backgroundCalls / requests.length);
  if (round === 0) for (const [text, calls] of ofRequests) rig.note(`${name}, ${calls} times: ${oneLine(text)}`);
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim().slice(0, 160);
}

function judge(rig: Rig): void {
  const warm = rig.measurements.filter(
    (one) => one.metric === 'SQL statements per request' && one.case.endsWith('warm keys'),
  );
  const most = Math.max(...warm.flatMap(({ values }) => values.filter((value) => value !== null)));
  rig.verdict({
    goal: 'SQL statements on a warm request path',
    bound: '0',
    measured: String(most),
    held: most === 0,
    why: most === 0 ? '' : 'the notes name the statements',
  });
}

export const users: Scenario = {
  name: 'users',
  title: '100 and 1,000 users with a key each, cold and warm',
  about:
    `The first request of each key after a start (the process itself is warm), then ${WARM_PASSES} passes over the same keys, ` +
    `${CONNECTIONS} connections, 1 KB: CPU of the gateway process, latency, and statements from pg_stat_statements; those of the ` +
    "usage-writer's batches and of the heartbeat, which run by time, are told apart by their text.",
  run,
};
