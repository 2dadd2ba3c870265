/** Facts of the machine and versions of the programs that take part, as the report names them. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { openFilesMax } from '../memory/resident.ts';
import type { Machine } from '../report/results.ts';
import { describePinning } from './pinning.ts';

const ROOT_PACKAGE = new URL('../../package.json', import.meta.url);

export function machineFacts(): Machine {
  return {
    // All of the machine's: this process itself may be bound to some of them by now.
    cores: cpus().length,
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    memoryBytes: totalmem(),
    kernel: `Linux ${release().split('.', 2).join('.')}`,
    openFilesMax: openFilesMax(),
    pinning: describePinning(),
  };
}

/** Program → version; a program that is not there is left out. */
export function programVersions(): Record<string, string> {
  const versions: Record<string, string> = { node: process.versions.node };
  const own = JSON.parse(readFileSync(ROOT_PACKAGE, 'utf8')) as { version: string };
  versions['penstock'] = own.version;
  for (const name of ['uWebSockets.js', 'undici', 'autocannon']) versions[name] = packageVersion(name);
  const commands: [string, string[], RegExp][] = [
    ['nginx', ['-v'], /nginx\/(\S+)/],
    ['haproxy', ['-v'], /version (\S+)/],
    ['wrk', ['-v'], /wrk (\S+)/],
  ];
  for (const [name, args, pattern] of commands) {
    const { stdout, stderr } = spawnSync(name, args, { encoding: 'utf8' });
    const version = pattern.exec(`${stdout}${stderr}`)?.[1];
    if (version !== undefined) versions[name] = version;
  }
  return versions;
}

/** Read as a file: packages may forbid to import it. */
function packageVersion(name: string): string {
  const text = readFileSync(new URL(`../../node_modules/${name}/package.json`, import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
