/**
 * `initdb` and `pg_ctl start` of the very binaries that the product embeds, and nothing else: what a cold start cannot do without. As
 * root it runs as the product's service user, like the product.
 */
import { spawn } from 'node:child_process';
import { chmodSync, chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { initCluster, postgresEnvironment } from '../../src/supervise/init-cluster.ts';
import { findPostgresBinaries, reachableBinaries } from '../../src/supervise/postgres-binaries.ts';
import { findServiceUser } from '../../src/supervise/service-user.ts';
import { freePort } from '../../test/support/free-port.ts';

const SILENT = { info: () => {}, warn: () => {}, error: () => {} };
const SYSTEM_DIR = '/var/lib/penstock';
const BOUND_MS = 60_000;

export interface AloneMs {
  initdbMs: number;
  startMs: number;
}

/** Once each, on a folder of its own that is removed afterwards with its server stopped. */
export async function postgresAlone(): Promise<AloneMs> {
  const user = findServiceUser();
  const binaries = reachableBinaries(findPostgresBinaries(), user, SYSTEM_DIR, SILENT);
  const folder = mkdtempSync(join(tmpdir(), 'bench-postgres-'));
  chmodSync(folder, 0o755);
  if (user !== null) chownSync(folder, user.uid, user.gid);
  const clusterDir = join(folder, 'pg');
  const control = join(binaries.root, 'bin', 'pg_ctl');
  const identity = user === null ? {} : { uid: user.uid, gid: user.gid };
  const pgCtl = (...args: string[]): Promise<void> => run(control, ['-D', clusterDir, '-w', ...args], identity);
  try {
    const beginMs = performance.now();
    await initCluster({ binaries, user, clusterDir, password: 'of-a-benchmark' });
    const madeMs = performance.now();
    writeFileSync(join(clusterDir, 'postgresql.auto.conf'), await settings());
    const settledMs = performance.now();
    await pgCtl('-l', join(folder, 'log'), 'start');
    const startMs = performance.now() - settledMs;
    await pgCtl('-m', 'immediate', 'stop');
    return { initdbMs: madeMs - beginMs, startMs };
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function settings(): Promise<string> {
  return `listen_addresses = '127.0.0.1'\nunix_socket_directories = ''\nport = ${await freePort()}\n`;
}

async function run(program: string, args: string[], identity: { uid?: number; gid?: number }): Promise<void> {
  const child = spawn(program, args, { ...identity, cwd: '/', env: postgresEnvironment(), stdio: 'ignore' });
  const timer = setTimeout(() => child.kill('SIGKILL'), BOUND_MS);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('exit', resolve);
    child.once('error', reject);
  }).finally(() => clearTimeout(timer));
  if (code !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${code}`);
}
