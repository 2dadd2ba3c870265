/**
 * Where the embedded PostgreSQL of one data folder lives, and the two things that must outlast a start: port and password.
 *
 *   <data folder>/postgres.json            {"id", "port", "password"}, mode 0600, ours
 *   <home>/pg/                             the cluster, owned by whoever runs PostgreSQL
 *   <home>/postgres.log                    what PostgreSQL says
 *
 * <home> is the data folder, or, when root started us and the service user cannot reach that, the folder
 * `/var/lib/penstock/<hash of the data folder's real path>`, which names its data folder in the file `data-folder`.
 * A cluster there belongs to the data folder only if both hold the same id: whoever removes a data folder to begin anew gets
 * a new cluster, and the old one is set aside, never deleted.
 *
 * Supervisor process only, at start.
 */
import { createHash, randomBytes } from 'node:crypto';
import {
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { StartupError } from '#base/startup-error.ts';
import { canReach, EXECUTE } from './reachable.ts';
import type { ServiceUser } from './service-user.ts';
import type { SuperviseLog } from './supervise-log.ts';

export interface PostgresHome {
  /** The cluster folder; may not exist yet. */
  readonly clusterDir: string;
  readonly logFile: string;
  readonly password: string;
  /** The port of the last start; 0 before the first. */
  readonly lastPort: number;
  /** Remembers the port for the next start. */
  savePort(port: number): void;
}

interface Saved {
  readonly id: string;
  readonly port: number;
  readonly password: string;
}

export interface HomeOptions {
  readonly dataDir: string;
  readonly user: ServiceUser | null;
  readonly systemDir: string;
  readonly log: SuperviseLog;
}

/** Finds or makes the home. Throws StartupError when the remembered state and the cluster do not fit together. */
export function openPostgresHome(options: HomeOptions): PostgresHome {
  const dataDir = realpathSync(options.dataDir);
  const home = chooseHome(dataDir, options);
  const clusterDir = join(home, 'pg');
  const stateFile = join(dataDir, 'postgres.json');
  const saved = readSaved(stateFile) ?? beginAnew(home, clusterDir, stateFile, options.log);
  if (home !== dataDir) markOwner(home, dataDir, saved.id, clusterDir, options.log);
  return {
    clusterDir,
    logFile: openLogFile(join(home, 'postgres.log'), options.user),
    password: saved.password,
    lastPort: saved.port,
    savePort: (port) => save(stateFile, { ...saved, port }),
  };
}

function chooseHome(dataDir: string, { user, systemDir, log }: HomeOptions): string {
  if (user === null || canReach(dataDir, user, EXECUTE)) return dataDir;
  const hash = createHash('sha256').update(dataDir).digest('hex').slice(0, 16);
  const home = join(systemDir, hash);
  mkdirSync(home, { recursive: true, mode: 0o755 });
  if (!canReach(home, user, EXECUTE)) {
    throw new StartupError(`User ${user.name}, which runs PostgreSQL, can reach neither ${dataDir} nor ${home}`);
  }
  log.info(`User ${user.name}, which runs PostgreSQL, cannot reach ${dataDir}: its database is in ${home}/pg`);
  return home;
}

function readSaved(stateFile: string): Saved | null {
  if (!existsSync(stateFile)) return null;
  try {
    const { id, port, password } = JSON.parse(readFileSync(stateFile, 'utf8')) as Partial<Saved>;
    if (typeof id === 'string' && typeof port === 'number' && typeof password === 'string')
      return { id, port, password };
  } catch {
    // Falls through to the one message below.
  }
  throw new StartupError(`${stateFile} is damaged: it holds the password of the embedded PostgreSQL, restore it`);
}

/** No saved password: a cluster without one is of no use to us, so an existing one is set aside. */
function beginAnew(home: string, clusterDir: string, stateFile: string, log: SuperviseLog): Saved {
  const saved = { id: randomBytes(8).toString('hex'), port: 0, password: randomBytes(24).toString('base64url') };
  if (existsSync(clusterDir)) setAside(home, clusterDir, log);
  save(stateFile, saved);
  return saved;
}

function markOwner(home: string, dataDir: string, id: string, clusterDir: string, log: SuperviseLog): void {
  const marker = join(home, 'data-folder');
  const expected = `${dataDir}\n${id}\n`;
  if (existsSync(marker) && readFileSync(marker, 'utf8') !== expected && existsSync(clusterDir))
    setAside(home, clusterDir, log);
  writeFileSync(marker, expected, { mode: 0o600 });
}

function setAside(home: string, clusterDir: string, log: SuperviseLog): void {
  const aside = join(home, `pg-set-aside-${new Date().toISOString().replaceAll(':', '')}`);
  renameSync(clusterDir, aside);
  log.warn(`The data folder does not know the database in ${clusterDir}: kept as ${aside}, starting with a new one`);
}

function save(stateFile: string, saved: Saved): void {
  const partial = `${stateFile}.partial`;
  writeFileSync(partial, `${JSON.stringify(saved)}\n`, { mode: 0o600 });
  renameSync(partial, stateFile);
}

const LOG_BYTES_MAX = 16 * 1024 * 1024;

/** The log is appended to over restarts; one that has grown large is kept once as `.1`. */
function openLogFile(path: string, user: ServiceUser | null): string {
  if (existsSync(path) && statSync(path).size > LOG_BYTES_MAX) renameSync(path, `${path}.1`);
  if (!existsSync(path)) writeFileSync(path, '', { mode: 0o600 });
  if (user !== null) chownSync(path, user.uid, user.gid);
  return path;
}
