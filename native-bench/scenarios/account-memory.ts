/**
 * What an account costs in memory: resident memory of the gateway process with 10,000 accounts and with 10, after forced collections;
 * and of it what each further front holds, from starts with one and with three fronts.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { KeptConnections } from '../load/kept-connections.ts';
import { addAccounts, fillCatalog, keyOf } from '../load/mass-catalog.ts';
import { rawRequest } from '../load/requests.ts';
import { withForcedGc } from '../memory/forced-gc.ts';
import { resident } from '../memory/resident.ts';
import { DataFolder } from '../rig/data-folder.ts';
import type { Rig } from './scenario.ts';

const FEW = 10;
const MANY = 10_000;
const FRONTS = [1, 3] as const;
const GROUP = 'accounts';
const CONNECTIONS = 16;
const REQUESTS = 200;
const COLLECTIONS = 4;
const SETTLE_MS = 300;

export async function measureAccountMemory(rig: Rig, upstream: string): Promise<void> {
  const grown: number[] = [];
  for (const fronts of rig.quick ? FRONTS.slice(0, 1) : FRONTS) {
    const few = await residentWith(rig, upstream, { accounts: FEW, fronts });
    const many = await residentWith(rig, upstream, { accounts: MANY, fronts });
    if (few === null || many === null) return;
    const place = { contender: 'Penstock', metric: 'RSS', unit: 'MiB', round: 0 } as const;
    rig.measured({ ...place, case: `${FEW} accounts, fronts: ${fronts}`, value: few / 1024 ** 2 });
    rig.measured({
      ...place,
      case: `${MANY.toLocaleString('en-US')} accounts, fronts: ${fronts}`,
      value: many / 1024 ** 2,
    });
    grown.push(many - few);
  }
  const figure = { contender: 'Penstock', metric: 'memory per account', unit: 'KiB', round: 0 } as const;
  const [one = 0, three] = grown.map((bytes) => bytes / (MANY - FEW) / 1024);
  rig.measured({ ...figure, case: 'primary and one front', value: one });
  if (three === undefined) rig.skipped('memory of an account on each further front', 'not with --quick');
  else rig.measured({ ...figure, case: 'each further front', value: (three - one) / 2 });
}

/** Bytes once every front has served from its snapshot; null: it could not start. */
async function residentWith(
  rig: Rig,
  upstream: string,
  { accounts, fronts }: { accounts: number; fronts: number },
): Promise<number | null> {
  rig.say(`memory with ${accounts} accounts, fronts: ${fronts}`);
  const folder = new DataFolder();
  rig.ends(() => folder.remove());
  const mass = { group: GROUP, count: accounts, baseUrl: upstream, concurrency: 100 };
  await fillCatalog(rig, folder.path, (sql) => addAccounts(sql, mass));
  const config = { data: folder.path, threads: { fronts } };
  const gateway = await withForcedGc(() => rig.start('Penstock', upstream, { config }));
  if (gateway === null) return null;
  const connections = new KeptConnections(gateway.url, CONNECTIONS);
  const request = rawRequest(gateway.url, { key: keyOf(GROUP), bodyBytes: 1_024, stream: false });
  await connections.askEach(Array.from({ length: REQUESTS }, () => request));
  connections.close();
  const bytes = await leastAfterCollections(gateway.pids()[0]!);
  await gateway.stop();
  return bytes;
}

async function leastAfterCollections(pid: number): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < COLLECTIONS; i++) {
    process.kill(pid, 'SIGUSR2');
    await sleep(SETTLE_MS);
    least = Math.min(least, resident(pid).nowBytes);
  }
  return least;
}
