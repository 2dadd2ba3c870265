/** Many connections need many open files: a program that needs them replaces itself by one under a higher limit, where that is allowed. */
import { openFilesMax } from '../memory/resident.ts';

const FILES_WANTED = 65_536;
const RAISED = 'BENCH_FILES_RAISED';
const SHELL = '/bin/sh';
const SCRIPT = `ulimit -n ${FILES_WANTED} 2>/dev/null || ulimit -n $(ulimit -H -n) 2>/dev/null; exec "$@"`;

/**
 * Returns when there is nothing to raise; the program begins again otherwise, as the same process, so that signals and its parent find it
 * where it was. Ask before anything is started.
 */
export function withMoreFiles(): void {
  if (openFilesMax() >= FILES_WANTED || process.env[RAISED] !== undefined || process.execve === undefined) return;
  const args = ['sh', '-c', SCRIPT, 'sh', process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  process.execve(SHELL, args, { ...process.env, [RAISED]: '1' });
}
