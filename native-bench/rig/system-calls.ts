/**
 * System calls a unit of work, counted by strace beside the timed rounds: it slows down what it watches, so its counts are good and its
 * times are not. Linux with strace and the right to trace.
 */
import { spawn, spawnSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';

const ATTACH_MS = 300;
const DETACH_BOUND_MS = 10_000;

/** Calls per unit, or why they could not be counted. */
export async function systemCalls(pids: readonly number[], work: () => Promise<number>): Promise<number | string> {
  if (spawnSync('strace', ['-V'], { stdio: 'ignore' }).error !== undefined) return 'strace is not installed';
  const args = ['-c', '-f', '-q', ...pids.flatMap((pid) => ['-p', String(pid)])];
  const child = spawn('strace', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let text = '';
  child.stderr.on('data', (chunk: Buffer) => {
    text += chunk.toString('utf8');
  });
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
  await sleep(ATTACH_MS);
  if (child.exitCode !== null) return `strace: ${text.trim().slice(0, 200)}`;
  try {
    const units = await work();
    child.kill('SIGINT');
    const timer = setTimeout(() => child.kill('SIGKILL'), DETACH_BOUND_MS);
    await closed;
    clearTimeout(timer);
    const calls = totalOf(text);
    return calls === null ? 'strace printed no total' : calls / units;
  } finally {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGINT');
    await closed;
  }
}

/** `100.00    1.234567           4    312345        12 total` */
export function totalOf(text: string): number | null {
  const line = /^\s*100\.00\s+\S+\s+(?:\d+\s+)?(\d+)\s+(?:\d+\s+)?total$/m.exec(text);
  return line === null ? null : Number(line[1]);
}
