/** Runs the open loop as the process that it is, on the cores of the load, and hands over its result. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { pin } from '../rig/pinning.ts';
import { OPEN_LOOP_DEFAULTS, type OpenLoopOptions, type OpenLoopResult } from './open-loop-options.ts';

export type OpenLoopAsk = Pick<OpenLoopOptions, 'url' | 'keys'> & Partial<OpenLoopOptions>;

/** Beyond what the run itself takes. */
const GRACE_MS = 10_000;

/** The result, whatever it says. */
export async function openLoopResult(ask: OpenLoopAsk): Promise<OpenLoopResult> {
  const options: OpenLoopOptions = { ...OPEN_LOOP_DEFAULTS, ...ask };
  const file = fileURLToPath(new URL('open-loop.ts', import.meta.url));
  const args = ['--disable-warning=ExperimentalWarning', file, JSON.stringify(options)];
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  if (child.pid !== undefined) pin(child.pid, 'others');
  const boundMs = (options.warmUpSeconds + options.seconds) * 1_000 + options.drainMs + GRACE_MS;
  const timer = setTimeout(() => child.kill('SIGKILL'), boundMs);
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString('utf8');
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('close', resolve);
    child.once('error', reject);
  }).finally(() => clearTimeout(timer));
  if (text === '') throw new Error(`the open loop against ${options.url} ended with ${code} and no result`);
  return JSON.parse(text) as OpenLoopResult;
}

/** Throws when an answer was wrong, when a request could not be started, or when the driver itself was late. */
export async function runOpenLoop(ask: OpenLoopAsk): Promise<OpenLoopResult> {
  const result = await openLoopResult(ask);
  const { failed, offered, firstFailure, notStarted, invalid } = result;
  if (failed > 0) throw new Error(`${ask.url}: ${failed} of ${offered} answers were wrong, the first: ${firstFailure}`);
  if (notStarted > 0) throw new Error(`${ask.url}: ${notStarted} of ${offered} requests could not be started`);
  if (invalid !== null) throw new Error(invalid);
  return result;
}

/** A run that failed is taken again, once: the machine may have had other work for a moment. */
export async function runOpenLoopTwice(ask: OpenLoopAsk): Promise<OpenLoopResult> {
  return await runOpenLoop(ask).catch(() => runOpenLoop(ask));
}
