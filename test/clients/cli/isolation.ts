/** A network of one's own, with nothing but loopback. Linux only. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** In a process that `enterIsolation` has started. */
const MARK = 'CLIENTS_ISOLATED';

/** The only network device of this process is loopback. */
export function isIsolated(): boolean {
  const devices = readFileSync('/proc/self/net/dev', 'latin1')
    .split('\n')
    .slice(2)
    .map((line) => line.split(':')[0]!.trim())
    .filter((name) => name !== '');
  return devices.length === 1 && devices[0] === 'lo';
}

/** Runs this program again, with the same arguments, in such a network; its exit code. */
export async function enterIsolation(): Promise<number> {
  if (process.env[MARK] !== undefined)
    throw new Error('this network has more than loopback, and no other could be entered');
  const again = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  // Root needs no other user, and PostgreSQL could not become one there.
  const user = process.getuid?.() === 0 ? [] : ['--map-current-user'];
  const args = [...user, '--net', 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh', ...again];
  const child = spawn('unshare', args, { stdio: 'inherit', env: { ...process.env, [MARK]: '1' } });
  return new Promise((resolve, reject) => {
    child.once('error', (error) => reject(new Error(`no network of its own: ${error.message}`)));
    child.once('exit', (code) => resolve(code ?? 1));
  });
}
