/** Child processes of a benchmark: started with a bound on getting ready, ended by their own id. */
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const READY_BOUND_MS = 10_000;
const STOP_BOUND_MS = 30_000;

export interface PortChild {
  child: ChildProcess;
  pid: number;
  url: string;
}

/** Runs a file, named from native-bench/, that prints its port on its first line. */
export async function startFile(name: string, args: string[]): Promise<PortChild> {
  const file = fileURLToPath(new URL(name, new URL('../', import.meta.url)));
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', file, ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ready = new Promise<number>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${name} did not print its port`)), READY_BOUND_MS);
    child.stdout!.once('data', (chunk: Buffer) => {
      clearTimeout(timer);
      resolve(Number(chunk.toString('utf8').trim()));
    });
    child.once('exit', (code) => {
      clearTimeout(timer);
      reject(new Error(`${name} ended with ${code}`));
    });
  });
  const port = await readyOrEnded(child, ready);
  return { child, pid: child.pid!, url: `http://127.0.0.1:${port}` };
}

/** A child that does not get ready is ended before that is told. */
export async function readyOrEnded<T>(child: ChildProcess, ready: Promise<T>): Promise<T> {
  try {
    return await ready;
  } catch (error) {
    await stopChild(child);
    throw error;
  }
}

/** SIGTERM, then SIGKILL after a bound. */
export async function stopChild(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_BOUND_MS);
  await exited;
  clearTimeout(timer);
}

export async function poll(
  what: string,
  ask: () => boolean | Promise<boolean>,
  boundMs = READY_BOUND_MS,
): Promise<void> {
  const endMs = performance.now() + boundMs;
  while (!(await ask())) {
    if (performance.now() > endMs) throw new Error(`waited ${boundMs} ms in vain for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
