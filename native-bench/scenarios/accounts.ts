/**
 * Groups of 10 to 10,000 accounts before one upstream: CPU of a whole request over the size of the group, how evenly requests are
 * spread over the accounts, and what an account costs in memory.
 */
import { connectEmbedded, type Sql } from '../../test/support/test-postgres.ts';
import { waitFor } from '../../test/support/wait-for.ts';
import { runClosedLoop } from '../load/closed-loop.ts';
import { addAccounts, fillCatalog, keyOf } from '../load/mass-catalog.ts';
import type { Contender } from '../peers/contender.ts';
import { find, formatRatio, median } from '../report/ratios.ts';
import { maxOverMean } from '../report/spread.ts';
import { cpuOf } from '../rig/cpu-window.ts';
import { DataFolder } from '../rig/data-folder.ts';
import { measureAccountMemory } from './account-memory.ts';
import { caseRatio } from './case-ratio.ts';
import { judgeRatio } from './ratio-verdict.ts';
import type { ContenderName, Rig, Scenario } from './scenario.ts';
import { PLANS, secondsOf } from './windows.ts';

const { windows: WINDOWS } = PLANS.accounts;
const SIZES = { quick: [10, 1_000], full: [10, 100, 1_000, 10_000] };

function sizesOf({ quick }: Rig): readonly number[] {
  return quick ? SIZES.quick : SIZES.full;
}
const CONNECTIONS = 64;
const BODY_BYTES = 1_024;
/** Places of one account: those of the smallest group are more than the connections. */
const PLACES = 100;
const RATIO_MAX = 1.15;
const METRIC = 'CPU per request';
const ROWS_BOUND_MS = 30_000;

interface Subject {
  name: ContenderName;
  gateway: Contender;
  dataDir: string;
}

async function run(rig: Rig): Promise<void> {
  const mock = await rig.mock();
  const subjects: Subject[] = [];
  for (const name of ['Penstock', 'before'] as const) {
    const subject = rig.contenders.includes(name) ? await start(rig, name, mock.url) : null;
    if (subject !== null) subjects.push(subject);
  }
  rig.say('compilers warm up');
  for (const { gateway } of subjects) {
    for (const size of sizesOf(rig)) await load(gateway, size, secondsOf(rig, WINDOWS.warmUp)).catch(() => {});
  }
  const sizes = sizesOf(rig);
  for (let round = 0; round < rig.rounds; round++) {
    for (const size of round % 2 === 0 ? sizes : sizes.toReversed()) {
      for (const subject of round % 2 === 0 ? subjects : subjects.toReversed()) {
        await measure(rig, subject, size, round);
      }
    }
  }
  for (const { name } of subjects) drawCurve(rig, name);
  for (const subject of subjects) await measureSpread(rig, subject);
  for (const { gateway } of subjects) await gateway.stop();
  if (subjects.some(({ name }) => name === 'Penstock')) {
    judge(rig);
    if (!rig.quick) await measureAccountMemory(rig, mock.url);
  }
}

async function start(rig: Rig, name: 'Penstock' | 'before', upstream: string): Promise<Subject | null> {
  const folder = new DataFolder();
  rig.ends(() => folder.remove());
  await fillCatalog(rig, folder.path, async (sql) => {
    for (const size of sizesOf(rig)) {
      await addAccounts(sql, { group: groupOf(size), count: size, baseUrl: upstream, concurrency: PLACES });
    }
  });
  const gateway = await rig.start(name, upstream, { config: { data: folder.path } });
  return gateway === null ? null : { name, gateway, dataDir: folder.path };
}

function groupOf(size: number): string {
  return `accounts-${size}`;
}

function caseOf(size: number): string {
  return `${size.toLocaleString('en-US')} accounts`;
}

function load({ url }: Contender, size: number, seconds: number): Promise<number> {
  const key = keyOf(groupOf(size));
  return runClosedLoop({ url, key, stream: false, bodyBytes: BODY_BYTES, connections: CONNECTIONS, seconds });
}

async function measure(rig: Rig, { name, gateway }: Subject, size: number, round: number): Promise<void> {
  rig.say(`round ${round + 1}: ${name}, ${caseOf(size)}`);
  const cost = await cpuOf(gateway, () => load(gateway, size, secondsOf(rig, WINDOWS.load)));
  const place = { case: caseOf(size), contender: name, round };
  rig.measured({ ...place, metric: METRIC, unit: 'µs', value: cost.totalUs });
  rig.measured({ ...place, metric: 'requests per second', unit: '1/s', value: cost.units / cost.seconds });
}

function drawCurve(rig: Rig, contender: ContenderName): void {
  const sizes = sizesOf(rig);
  const y = sizes.map((size) => {
    const values = find(rig.measurements, { case: caseOf(size), metric: METRIC }, contender)?.values ?? [];
    return median(values.filter((value) => value !== null));
  });
  const labels = { xLabel: 'accounts in the group', yLabel: 'CPU per request, µs' };
  rig.curve({ plot: 'CPU over accounts', contender, x: [...sizes], y, ...labels, xScale: 'log' });
}

/** From the usage rows themselves: which account served each request. */
async function measureSpread(rig: Rig, { name, dataDir }: Subject): Promise<void> {
  const sql = connectEmbedded(dataDir);
  try {
    await lastRows(sql);
    for (const size of sizesOf(rig)) {
      const counts = await requestsByAccount(sql, groupOf(size));
      const place = { case: caseOf(size), contender: name, round: 0 };
      const mean = counts.reduce((sum, count) => sum + count, 0) / counts.length;
      rig.measured({ ...place, metric: 'requests per account, mean', unit: 'count', value: mean });
      rig.measured({ ...place, metric: 'most over mean', unit: '×', value: maxOverMean(counts) });
      const idle = counts.filter((count) => count === 0).length;
      rig.measured({ ...place, metric: 'accounts never used', unit: 'count', value: idle });
    }
  } finally {
    await sql.end();
  }
}

/** Nothing is asked any more: all rows are in once no more come. */
async function lastRows(sql: Sql): Promise<void> {
  let before = -1;
  const isSame = async (): Promise<boolean> => {
    const [row] = await sql<{ count: string }[]>`select count(*)::text as count from usage_logs`;
    const count = Number(row!.count);
    const same = count === before;
    before = count;
    return same;
  };
  await waitFor('the last rows', isSame, { boundMs: ROWS_BOUND_MS, everyMs: 300 });
}

/** One count an account of the group, those that served nothing included. */
async function requestsByAccount(sql: Sql, group: string): Promise<number[]> {
  const rows = await sql<{ count: string }[]>`
    with served as (select account_id, count(*) as count from usage_logs group by account_id)
    select coalesce(served.count, 0)::text as count
    from account_groups join groups on groups.id = account_groups.group_id
    left join served using (account_id)
    where groups.name = ${group}`;
  return rows.map(({ count }) => Number(count));
}

function judge(rig: Rig): void {
  const ratio = caseRatio(rig, { metric: METRIC, case: caseOf(1_000), base: caseOf(10) });
  const goal = 'CPU of a whole request with 1,000 accounts';
  judgeRatio(rig, ratio, { goal, bound: `≤ ${RATIO_MAX} × with 10`, max: RATIO_MAX });
  if (rig.quick) return;
  const most = caseRatio(rig, { metric: METRIC, case: caseOf(10_000), base: caseOf(10) });
  rig.note(`With 10,000 accounts a request costs ${formatRatio(most)} × what it costs with 10.`);
}

export const accounts: Scenario = {
  name: 'accounts',
  title: '10 to 10,000 accounts in one group',
  about:
    `One gateway with four groups before one upstream, 1 KB JSON over ${CONNECTIONS} connections to one group after the other, alternated. ` +
    'Spread over accounts from the usage rows; memory of an account as the difference of RSS between starts with 10 and with 10,000.',
  run,
};
