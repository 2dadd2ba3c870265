/**
 * The lock of a data folder: one supervisor at a time. Two gateways would share a port silently (SO_REUSEPORT), so a second start is
 * refused and names the holder. The file `lock` is an owner lock: live while the process that it names lives.
 *
 * Supervisor process only.
 */
import { join } from 'node:path';
import { type OwnerLock, takeOwnerLock } from '#base/owner-lock.ts';
import { StartupError } from '#base/startup-error.ts';

export type DataLock = OwnerLock;

/** Locks an existing folder for this process. Throws StartupError when a live process holds it. */
export function lockDataFolder(dataDir: string): DataLock {
  const path = join(dataDir, 'lock');
  const taken = takeOwnerLock(path);
  if ('release' in taken) return taken;
  throw new StartupError(
    `The data folder ${dataDir} is in use by process ${taken.pid}: stop that one or use another folder`,
  );
}
