/**
 * One user who asks for far more than its places, beside twenty who do not: what the twenty notice, what the one gets, in which order, and
 * what its waiting and its refused requests cost.
 */
import { answerOrder, displacementMax } from '../load/answer-order.ts';
import { type Answered, closedLoop } from '../load/closed-loop.ts';
import { at } from '../load/latencies.ts';
import type { OpenLoopResult } from '../load/open-loop-options.ts';
import { runOpenLoop } from '../load/run-open-loop.ts';
import { formatRatio, median, type Ratio, ratioAt } from '../report/ratios.ts';
import { cpuOf } from '../rig/cpu-window.ts';
import { alternate, type Runner, startAll } from '../rig/rounds.ts';
import type { ContenderName, Rig, Scenario } from './scenario.ts';
import { PLANS, secondsOf } from './windows.ts';

const { windows: WINDOWS } = PLANS['hot-user'];
const OURS: readonly ContenderName[] = ['Penstock', 'before'];
const PLACES = 8;
const CLIENTS = 200;
const NORMAL_USERS = 20;
const NORMAL_RATE = 200;
/** What a place is held for, nearly all of it by the upstream. */
const UPSTREAM_MS = 20;
/** Of the hot user's clients: all of them may wait, or most are refused. */
const QUEUES = { waiting: 256, refused: 64 };
const BODY_BYTES = 1024;

const HOT_KEY = keyOf('hot');
const NORMAL_KEYS = Array.from({ length: NORMAL_USERS }, (_, i) => keyOf(`normal-${i}`));

/** The one user's core is busy beside the driver: more is allowed than on a machine of its own. */
const LAG_MAX_MS = 10;
const NORMAL_RATIO_MAX = 1.25;
const SHARE = { min: 0.9, max: 1.1 };

const ALONE = 'normal users, alone';
const BESIDE = {
  waiting: `normal users, ${CLIENTS} clients of one user wait`,
  refused: `normal users, most of ${CLIENTS} clients of one user are refused`,
};
const HOT = 'the hot user';
type Queue = keyof typeof QUEUES;

function keyOf(user: string): string {
  return `sk-ps-bench-${user}-`.padEnd(48, '0');
}

function catalog(upstream: string): object {
  const account = { name: 'mock', platform: 'anthropic', type: 'apikey', baseUrl: upstream, apiKey: 'sk-up' };
  const normal = NORMAL_KEYS.map((key, i) => ({ user: `normal-${i}`, group: 'main', key }));
  const users = normal.map(({ user }) => ({ name: user, balanceUsd: 1_000_000, concurrency: 100 }));
  return {
    groups: [{ name: 'main' }],
    accounts: [{ ...account, concurrency: 60_000, groups: ['main'] }],
    users: [{ name: 'hot', balanceUsd: 1_000_000, concurrency: PLACES }, ...users],
    keys: [{ user: 'hot', group: 'main', key: HOT_KEY }, ...normal],
  };
}

async function run(rig: Rig): Promise<void> {
  const mock = await rig.mock({ firstByteMs: UPSTREAM_MS });
  // Each refusal would be a line of warning.
  const log = { level: 'error' };
  const start = (queue: Queue): Promise<Runner[]> =>
    startAll(rig, OURS, mock.url, { config: { catalog: catalog(mock.url), queue: { perUser: QUEUES[queue] }, log } });
  const [waiting, refused] = await Promise.all([start('waiting'), start('refused')]);
  for (const [queue, runners] of [
    ['waiting', waiting],
    ['refused', refused],
  ] as const) {
    for (const runner of runners) await warmUp(rig, runner);
    rig.say(BESIDE[queue]);
    await alternate(rig, runners, (runner, round) => oneRound(rig, runner, round, queue));
    for (const { contender } of runners) await contender.stop();
  }
  judge(rig);
}

async function warmUp(rig: Rig, { contender }: Runner): Promise<void> {
  await normalUsers(rig, contender.url, secondsOf(rig, WINDOWS.normalWarmUp)).catch(() => {});
  await hotUser(contender.url, CLIENTS, secondsOf(rig, WINDOWS.hotWarmUp));
}

function normalUsers(rig: Rig, url: string, seconds = secondsOf(rig, WINDOWS.normal)): Promise<OpenLoopResult> {
  const shape = { bodyBytes: BODY_BYTES, stream: false };
  const warmUpSeconds = secondsOf(rig, WINDOWS.openLoopWarmUp);
  const open = { ratePerSecond: NORMAL_RATE, seconds, warmUpSeconds, lagMaxMs: LAG_MAX_MS };
  return runOpenLoop({ url, keys: NORMAL_KEYS, ...shape, ...open });
}

function hotUser(url: string, connections: number, seconds: number): Promise<Answered> {
  const shape = { key: HOT_KEY, bodyBytes: BODY_BYTES, stream: false };
  return closedLoop({ ...shape, url, connections, seconds, failedShareMax: 1 });
}

async function oneRound(rig: Rig, { name, contender }: Runner, round: number, queue: Queue): Promise<void> {
  const { url } = contender;
  const time = async (where: string, take: () => Promise<OpenLoopResult>): Promise<void> => {
    // The machine may have had other work for a moment.
    const { total } = await take().catch(take);
    const figure = { case: where, contender: name, round, unit: 'µs' };
    rig.measured({ ...figure, metric: 'p50', value: at(total, 50) });
    rig.measured({ ...figure, metric: 'p99', value: at(total, 99) });
  };
  if (queue === 'waiting') {
    await hotAlone(rig, { name, contender }, round);
    await time(ALONE, () => normalUsers(rig, url));
  } else {
    await refusedCost(rig, { name, contender }, round);
  }
  await time(BESIDE[queue], () => besideHotUser(rig, url));
}

async function besideHotUser(rig: Rig, url: string): Promise<OpenLoopResult> {
  const hot = hotUser(url, CLIENTS, secondsOf(rig, WINDOWS.beside));
  const [result] = await Promise.allSettled([normalUsers(rig, url), hot]);
  await hot;
  if (result.status === 'rejected') throw result.reason;
  return result.value;
}

/** With as many clients as it has places, with all of them, and who is answered when. */
async function hotAlone(rig: Rig, { name, contender }: Runner, round: number): Promise<void> {
  const seconds = secondsOf(rig, WINDOWS.hot);
  const place = { contender: name, round };
  for (const clients of [PLACES, CLIENTS]) {
    const cost = await cpuOf(contender, async () => (await hotUser(contender.url, clients, seconds)).requests);
    const where = { ...place, case: hotCase(clients) };
    rig.measured({ ...where, metric: 'requests per second', unit: '1/s', value: cost.units / cost.seconds });
    rig.measured({ ...where, metric: 'CPU per request', unit: 'µs', value: cost.totalUs });
  }
  const shape = { key: HOT_KEY, bodyBytes: BODY_BYTES, stream: false };
  const order = await answerOrder({ ...shape, url: contender.url, count: 8 * PLACES, everyMs: 1 });
  rig.measured({ ...place, case: HOT, metric: 'places moved in line', unit: 'count', value: displacementMax(order) });
}

/** Its clients ask again at once, so nearly all of the answers are refusals. */
async function refusedCost(rig: Rig, { name, contender }: Runner, round: number): Promise<void> {
  let served = 0;
  const cost = await cpuOf(contender, async () => {
    const { requests, failed } = await hotUser(contender.url, CLIENTS, secondsOf(rig, WINDOWS.hot));
    served = requests;
    return requests + failed;
  });
  const where = { contender: name, round, case: `${HOT}, most of ${CLIENTS} clients refused` };
  rig.measured({ ...where, metric: 'CPU per request', unit: 'µs', value: cost.totalUs });
  rig.measured({ ...where, metric: 'share refused', unit: '%', value: (1 - served / cost.units) * 100 });
}

function hotCase(clients: number): string {
  return `${HOT}, ${clients} clients, ${PLACES} places`;
}

/** Of one contender's figure in two cases, round by round. */
function between(rig: Rig, metric: string, over: string, under: string): Ratio | null {
  const renamed = rig.measurements
    .filter((one) => one.contender === 'Penstock' && one.metric === metric)
    .map((one) => ({ ...one, contender: one.case, case: 'both' }));
  return ratioAt(renamed, { case: 'both', metric }, over, under);
}

function judge(rig: Rig): void {
  for (const queue of ['waiting', 'refused'] as const) {
    const ratio = between(rig, 'p50', BESIDE[queue], ALONE);
    const p99 = between(rig, 'p99', BESIDE[queue], ALONE);
    if (p99 !== null) rig.note(`${BESIDE[queue]}: their p99 is ${formatRatio(p99)} × that alone`);
    const held = ratio === null ? null : ratio.median <= NORMAL_RATIO_MAX;
    rig.verdict({
      goal: `hot user: p50 of ${BESIDE[queue]}`,
      bound: `≤ ${NORMAL_RATIO_MAX} × alone`,
      measured: formatRatio(ratio),
      held,
      why: held === null ? 'not measured' : held ? '' : 'what the one asks for costs CPU time of the same front',
    });
  }
  const share = between(rig, 'requests per second', hotCase(CLIENTS), hotCase(PLACES));
  const kept = share === null ? null : share.median >= SHARE.min && share.median <= SHARE.max;
  rig.verdict({
    goal: `hot user: what ${CLIENTS} clients get of ${PLACES} places`,
    bound: `${SHARE.min} … ${SHARE.max} × what ${PLACES} clients get`,
    measured: formatRatio(share),
    held: kept,
    why: kept === null ? 'not measured' : kept ? '' : 'places stand empty or are exceeded',
  });
  judgeOrder(rig);
}

/** Requests granted in one tick may reach the upstream in either order, so up to the places that one tick can free. */
function judgeOrder(rig: Rig): void {
  const found = rig.measurements.find((one) => one.contender === 'Penstock' && one.metric === 'places moved in line');
  const values = found?.values.filter((value) => value !== null) ?? [];
  const held = values.length === 0 ? null : Math.max(...values) < PLACES;
  rig.verdict({
    goal: 'hot user: places are granted in order of arrival',
    bound: `answers move by < ${PLACES} places of ${8 * PLACES}`,
    measured: values.length === 0 ? 'not measured' : `${median(values)} (at most ${Math.max(...values)})`,
    held,
    why: held === null ? 'not measured' : held ? '' : 'some waited while later ones were served',
  });
}

export const hotUserScenario: Scenario = {
  name: 'hot-user',
  title: 'A hot user',
  about:
    'One user with 200 clients and 8 places beside 20 users at 200 requests a second in all, before an upstream that takes 20 ms: their latency with and without it, its throughput, the order of its grants, CPU of waiting and of refused requests.',
  run,
};
