/**
 * Whether another user can get at a path: every folder on the way must let it through. `/root` has mode 0700, so a clone or a
 * data folder below it is out of reach for the user that PostgreSQL runs as.
 * Supervisor process only, at start. Looks at mode bits, not at access control lists: with those it may answer no where the
 * kernel would say yes, and the fallback then works all the same.
 */
import { realpathSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { ServiceUser } from './service-user.ts';

export const READ = 4;
export const EXECUTE = 1;

/** True when `user` has the permissions `wanted` (READ, EXECUTE or both) on an existing `path` and may pass all its parents. */
export function canReach(path: string, user: ServiceUser, wanted: number): boolean {
  const real = realpathSync(path);
  if (!allows(real, user, wanted)) return false;
  for (let folder = dirname(real); ; folder = dirname(folder)) {
    if (!allows(folder, user, EXECUTE)) return false;
    if (folder === dirname(folder)) return true;
  }
}

function allows(path: string, user: ServiceUser, wanted: number): boolean {
  const { mode, uid, gid } = statSync(path);
  const shift = uid === user.uid ? 6 : gid === user.gid ? 3 : 0;
  return ((mode >> shift) & wanted) === wanted;
}
