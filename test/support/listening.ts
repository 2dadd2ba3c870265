/** Whether a process listens on a TCP port, by what /proc says: two processes may share one. Linux only, as the port sharing is. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

const LISTEN = '0A';

export function isListening(pid: number, port: number): boolean {
  const inodes = listeners(port);
  return openFiles(pid).some((link) => inodes.has(link));
}

/** How many sockets listen on a port, whoever has them: a process whose threads are still ending has no /proc/PID/fd any more. */
export function listenerCount(port: number): number {
  return listeners(port).size;
}

function listeners(port: number): Set<string> {
  const found = new Set<string>();
  for (const table of ['/proc/net/tcp', '/proc/net/tcp6']) {
    for (const line of readFileSync(table, 'latin1').split('\n').slice(1)) {
      const [, local = '', , state, , , , , , inode] = line.trim().split(/\s+/);
      if (state === LISTEN && Number.parseInt(local.split(':')[1] ?? '', 16) === port) found.add(`socket:[${inode}]`);
    }
  }
  return found;
}

function openFiles(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      try {
        return [readlinkSync(`/proc/${pid}/fd/${fd}`)];
      } catch {
        return [];
      }
    });
  } catch {
    return [];
  }
}
