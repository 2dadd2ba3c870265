/**
 * Closed loops: a fixed number of connections, each asking again once it is answered. wrk where it is installed, autocannon otherwise
 * and as a cross-check. A round with more than a trace of wrong answers is an error, not a measurement.
 */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pin } from '../rig/pinning.ts';
import { type RequestShape, requestBody, requestHeaders } from './requests.ts';

export interface ClosedLoop extends RequestShape {
  url: string;
  connections: number;
  seconds: number;
  /** Sent beside those of every request. */
  headers?: Record<string, string> | undefined;
  /** Most of the answers, as a share, that may be something else than 2xx. */
  failedShareMax?: number;
}

/** nginx answers a request 502 when its kept connection closes under it; a few in a hundred thousand change no figure. */
const FAILED_SHARE_MAX = 0.001;
/** Beyond the time that the load takes. */
const GRACE_MS = 30_000;

export const hasWrk = spawnSync('wrk', ['-v'], { stdio: 'ignore' }).error === undefined;

export interface Answered {
  /** 2xx answers, and all others. */
  requests: number;
  failed: number;
}

/** Requests answered 2xx. */
export async function runClosedLoop(loop: ClosedLoop): Promise<number> {
  return (await closedLoop(loop)).requests;
}

export async function closedLoop(loop: ClosedLoop): Promise<Answered> {
  const answered = hasWrk ? await runWrk(loop) : await runAutocannon(loop);
  const all = answered.requests + answered.failed;
  if (all === 0 || answered.failed > all * (loop.failedShareMax ?? FAILED_SHARE_MAX)) {
    throw new Error(`${loop.url}: ${answered.failed} of ${all} answers were no success`);
  }
  return answered;
}

async function runWrk(loop: ClosedLoop): Promise<Answered> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-wrk-'));
  try {
    const script = join(folder, 'post.lua');
    const headers = { ...requestHeaders(loop.key), ...loop.headers };
    const lines = Object.entries(headers).map(([name, value]) => `wrk.headers['${name}'] = '${value}'`);
    writeFileSync(script, `wrk.method = 'POST'\n${lines.join('\n')}\nwrk.body = [==[${requestBody(loop)}]==]\n`);
    const args = ['-t1', `-c${loop.connections}`, `-d${loop.seconds}s`, '--timeout', '30s', '-s', script];
    const text = await output('wrk', [...args, `${loop.url}/v1/messages`], loop.seconds);
    const requests = Number(/(\d+) requests in/.exec(text)?.[1] ?? 0);
    const failed = Number(/Non-2xx or 3xx responses: (\d+)/.exec(text)?.[1] ?? 0);
    if (requests === 0) throw new Error(`wrk against ${loop.url}:\n${text}`);
    return { requests: requests - failed, failed: failed + socketErrors(text) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** `Socket errors: connect 0, read 3, write 0, timeout 0` */
function socketErrors(text: string): number {
  const line = /Socket errors: (.*)/.exec(text)?.[1] ?? '';
  return [...line.matchAll(/\d+/g)].reduce((sum, [digits]) => sum + Number(digits), 0);
}

interface CannonResult {
  '2xx': number;
  non2xx: number;
  errors: number;
}

export async function runAutocannon(loop: ClosedLoop): Promise<Answered> {
  const program = createRequire(import.meta.url).resolve('autocannon');
  const headers = Object.entries({ ...requestHeaders(loop.key), ...loop.headers });
  const args = ['--json', '-m', 'POST', '-c', String(loop.connections), '-d', String(loop.seconds), '-t', '30'];
  for (const [name, value] of headers) args.push('-H', `${name}=${value}`);
  const folder = mkdtempSync(join(tmpdir(), 'bench-autocannon-'));
  try {
    const bodyFile = join(folder, 'body.json');
    writeFileSync(bodyFile, requestBody(loop));
    args.push('-i', bodyFile, `${loop.url}/v1/messages`);
    const result = JSON.parse(await output(process.execPath, [program, ...args], loop.seconds)) as CannonResult;
    return { requests: result['2xx'], failed: result.non2xx + result.errors };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Standard output of a program, which runs on the cores of the load and is ended when it outlasts its time. */
async function output(program: string, args: string[], seconds: number): Promise<string> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  if (child.pid !== undefined) pin(child.pid, 'others');
  const timer = setTimeout(() => child.kill('SIGKILL'), seconds * 1000 + GRACE_MS);
  let text = '';
  let complaint = '';
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString('utf8');
  });
  child.stderr.on('data', (chunk: Buffer) => {
    complaint += chunk.toString('utf8');
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('close', resolve);
    child.once('error', reject);
  }).finally(() => clearTimeout(timer));
  if (code !== 0) throw new Error(`${program} ended with ${code}: ${complaint.slice(-500)}`);
  return text;
}
