/**
 * Penstock with everything on: authentication, admission, scheduling, metering, journal and an embedded PostgreSQL that takes
 * every row; one front, as nginx has one worker.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { stringify } from 'yaml';
import { poll, stopChild } from '../rig/child.ts';
import { processTree } from '../rig/cpu-time.ts';
import type { Contender, StartOptions } from './contender.ts';

const REPOSITORY = resolve(import.meta.dirname, '../..');
/** Places of the one account and the one user: never the bound of what is measured. */
const PLACES = 60_000;
const READY_BOUND_MS = 60_000;
export const KEY = 'sk-ps-bench-000000000000000000000000000000000000';

/** Sections of `sections` replace keys of ours, the catalog as a whole. */
export function penstockConfiguration(folder: string, upstream: string, { config = {}, caFile }: StartOptions): object {
  const merged: Record<string, unknown> = base(folder, upstream, caFile);
  for (const [name, section] of Object.entries(config)) {
    const both = name !== 'catalog' && typeof merged[name] === 'object' && typeof section === 'object';
    merged[name] = both ? { ...(merged[name] as object), ...(section as object) } : section;
  }
  return merged;
}

function base(folder: string, upstream: string, caFile: string | undefined): Record<string, unknown> {
  const place = { host: '127.0.0.1', port: 0 };
  const ca = caFile === undefined ? {} : { ca: readFileSync(caFile, 'utf8') };
  const account = { name: 'mock', platform: 'anthropic', type: 'apikey', baseUrl: upstream, apiKey: 'sk-up', ...ca };
  return {
    listen: place,
    control: place,
    data: join(folder, 'data'),
    threads: { fronts: 1 },
    log: { level: 'warn' },
    relay: { connectionsPerOrigin: 16_384 },
    catalog: {
      groups: [{ name: 'main' }],
      accounts: [{ ...account, concurrency: PLACES, groups: ['main'] }],
      users: [{ name: 'bench', balanceUsd: 1_000_000, concurrency: PLACES }],
      keys: [{ user: 'bench', group: 'main', key: KEY }],
    },
  };
}

export interface PenstockBuild {
  name: string;
  /** A checkout with its packages installed. */
  root: string;
}

export const THIS_BUILD: PenstockBuild = { name: 'Penstock', root: REPOSITORY };

export async function startPenstock(
  upstream: string,
  options: StartOptions = {},
  { name, root }: PenstockBuild = THIS_BUILD,
): Promise<Contender> {
  const node = join(root, 'node_modules', '.bin', 'node');
  for (const needed of [node, join(root, 'src/main.ts')]) {
    if (!existsSync(needed)) throw new Error(`${root} is no checkout with its packages installed: it has no ${needed}`);
  }
  const folder = mkdtempSync(join(tmpdir(), 'bench-penstock-'));
  chmodSync(folder, 0o755); // PostgreSQL has its own user when this runs as root
  const config = join(folder, 'penstock.yaml');
  const readyFile = join(folder, 'ready.json');
  writeFileSync(config, stringify(penstockConfiguration(folder, upstream, options), { aliasDuplicateObjects: false }));
  const args = ['--disable-warning=ExperimentalWarning', 'src/main.ts', '--config', config, '--ready-file', readyFile];
  const child = spawn(node, args, { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
  const stop = async (): Promise<void> => {
    await stopChild(child);
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  };
  const ready = await waitUntilReady(child, readyFile).catch(async (error: Error) => {
    await stop();
    throw error;
  });
  return {
    name,
    url: ready.gateway,
    penstock: {
      control: ready.control,
      dataDir: join(folder, 'data'),
      supervisorPid: child.pid!,
      gatewayPid: ready.gatewayPid,
    },
    pids: () => [ready.gatewayPid],
    behindPids: () => processTree(child.pid!).filter((pid) => pid !== ready.gatewayPid),
    stop,
  };
}

interface Ready {
  gateway: string;
  control: string;
  gatewayPid: number;
}

async function waitUntilReady(child: ChildProcess, readyFile: string): Promise<Ready> {
  await poll('Penstock to be ready', () => existsSync(readyFile) || child.exitCode !== null, READY_BOUND_MS);
  if (!existsSync(readyFile)) throw new Error(`Penstock ended with ${child.exitCode} before it was ready`);
  return JSON.parse(readFileSync(readyFile, 'utf8'));
}
