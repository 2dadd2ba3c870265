/**
 * The unprivileged system user that PostgreSQL runs as when the supervisor was started by root (PostgreSQL refuses root).
 * An existing `penstock` or `postgres` user is taken; otherwise `penstock` is created, once.
 * Supervisor process only, at start.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { StartupError } from '#base/startup-error.ts';

export interface ServiceUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

const NAMES = ['penstock', 'postgres'];

/** Null when this process is not root: then PostgreSQL runs as whoever we are. Throws StartupError when no user can be had. */
export function findServiceUser(): ServiceUser | null {
  if (process.getuid?.() !== 0) return null;
  for (const name of NAMES) {
    const user = lookUp(name);
    if (user !== null && user.uid !== 0) return user;
  }
  return createUser('penstock');
}

/** The line of a user in passwd(5) form, from the file or, for users of a directory service, from getent. */
function lookUp(name: string): ServiceUser | null {
  const fromFile = parsePasswd(readPasswd(), name);
  if (fromFile !== null) return fromFile;
  const { status, stdout } = spawnSync('getent', ['passwd', name], { encoding: 'utf8' });
  return status === 0 ? parsePasswd(stdout, name) : null;
}

function readPasswd(): string {
  try {
    return readFileSync('/etc/passwd', 'utf8');
  } catch {
    return '';
  }
}

/** Finds `name` among lines of passwd(5): `name:password:uid:gid:comment:home:shell`. */
export function parsePasswd(text: string, name: string): ServiceUser | null {
  for (const line of text.split('\n')) {
    const fields = line.split(':');
    if (fields[0] !== name) continue;
    const uid = Number(fields[2]);
    const gid = Number(fields[3]);
    if (Number.isSafeInteger(uid) && Number.isSafeInteger(gid)) return { name, uid, gid };
  }
  return null;
}

function createUser(name: string): ServiceUser {
  const ways: string[][] = [
    [
      'useradd',
      '--system',
      '--user-group',
      '--no-create-home',
      '--home-dir',
      '/nonexistent',
      '--shell',
      '/bin/false',
      name,
    ],
    // Debian's adduser, then that of BusyBox.
    ['adduser', '--system', '--group', '--no-create-home', '--home', '/nonexistent', name],
    ['adduser', '-S', '-D', '-H', '-h', '/nonexistent', '-s', '/bin/false', name],
  ];
  const reasons: string[] = [];
  for (const [command = '', ...args] of ways) {
    const { error, stderr } = spawnSync(command, args, { encoding: 'utf8' });
    const user = lookUp(name);
    if (user !== null) return user;
    reasons.push(`${command}: ${error?.message ?? stderr.trim().split('\n').at(-1)}`);
  }
  throw new StartupError(
    `PostgreSQL does not run as root, and no system user could be made for it (${reasons.join('; ')}): ` +
      `create a user named ${name}, start as an ordinary user, or set database.url to a PostgreSQL of your own`,
  );
}
