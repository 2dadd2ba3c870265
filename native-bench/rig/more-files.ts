/** Many connections need many open files: a program that needs them runs itself again under a higher limit, where that is allowed. */
import { spawnSync } from 'node:child_process';
import { openFilesMax } from '../memory/resident.ts';

const FILES_WANTED = 65_536;
const RAISED = 'BENCH_FILES_RAISED';

/** True: it has run, in a process of its own, with the exit code that is set. False: go on here. */
export function withMoreFiles(): boolean {
  if (openFilesMax() >= FILES_WANTED || process.env[RAISED] !== undefined) return false;
  const script = `ulimit -n ${FILES_WANTED} 2>/dev/null || ulimit -n $(ulimit -H -n) 2>/dev/null; exec "$@"`;
  const args = ['-c', script, 'sh', process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  const ended = spawnSync('sh', args, { stdio: 'inherit', env: { ...process.env, [RAISED]: '1' } });
  process.exitCode = ended.status ?? 1;
  return true;
}
