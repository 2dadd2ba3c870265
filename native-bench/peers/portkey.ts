/**
 * Portkey's gateway, a peer that users would pick: its own server from npm, relaying Anthropic Messages to the mock named in a header.
 * Its package is installed here, in native-bench/, when it takes part for the first time. (A newer @hono/node-server than the one in
 * `overrides` makes its streams fail with `TypeError: immutable`.)
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { freePort } from '../../test/support/free-port.ts';
import { poll, readyOrEnded, stopChild } from '../rig/child.ts';
import { answers } from './answers.ts';
import type { Contender } from './contender.ts';

const FOLDER = resolve(import.meta.dirname, '..');
const SERVER = join(FOLDER, 'node_modules/@portkey-ai/gateway/build/start-server.js');
const INSTALL_BOUND_MS = 120_000;

export async function startPortkey(upstream: string): Promise<Contender> {
  if (upstream.startsWith('https:'))
    throw new Error('Portkey takes no private authority, so it is not run before a TLS mock');
  if (!existsSync(SERVER)) await install();
  const port = await freePort();
  const child = spawn(process.execPath, [SERVER, `--port=${port}`, '--headless'], {
    stdio: ['ignore', 'ignore', 'ignore'],
  });
  const url = `http://127.0.0.1:${port}`;
  await readyOrEnded(
    child,
    poll('Portkey to answer', () => answers(url), 30_000),
  );
  return {
    name: 'Portkey',
    url,
    headers: { 'x-portkey-provider': 'anthropic', 'x-portkey-custom-host': `${upstream}/v1` },
    pids: () => [child.pid!],
    behindPids: () => [],
    stop: () => stopChild(child),
  };
}

async function install(): Promise<void> {
  process.stderr.write('  installing @portkey-ai/gateway for the bench …\n');
  const child = spawn('npm', ['ci', '--ignore-scripts'], { cwd: FOLDER, stdio: ['ignore', 'ignore', 'inherit'] });
  const timer = setTimeout(() => child.kill('SIGKILL'), INSTALL_BOUND_MS);
  const code = await new Promise<number | null>((done, reject) => {
    child.once('close', done);
    child.once('error', reject);
  }).finally(() => clearTimeout(timer));
  if (code !== 0) throw new Error(`its package could not be installed: npm ci ended with ${code}`);
}
