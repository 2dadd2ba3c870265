/** The first minute: a start without any configuration, and the requests that it prints. */
import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, test } from 'node:test';
import { promisify } from 'node:util';
import type { ReadyFile } from '../support/gateway.ts';
import { parseEvents } from '../support/http-client.ts';
import { connectEmbedded } from '../support/test-postgres.ts';
import { Upstream } from '../support/upstream.ts';
import { waitFor, within } from '../support/wait-for.ts';

const MAIN = resolve(import.meta.dirname, '../../src/main.ts');

interface Started {
  child: ChildProcess;
  folder: string;
  output: string;
}

const started: Started[] = [];

after(async () => {
  for (const { child, folder } of started) {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
});

function start(environment: Record<string, string>): Started {
  const folder = mkdtempSync(join(tmpdir(), 'penstock-demo-'));
  chmodSync(folder, 0o755); // PostgreSQL has its own user when the tests run as root
  const { ANTHROPIC_API_KEY: _key, ANTHROPIC_BASE_URL: _url, ...inherited } = process.env;
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', MAIN], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...inherited, PENSTOCK_LISTEN_PORT: '0', PENSTOCK_CONTROL_PORT: '0', ...environment },
  });
  const one: Started = { child, folder, output: '' };
  for (const stream of [child.stdout!, child.stderr!]) {
    stream.on('data', (chunk: Buffer) => {
      one.output += chunk.toString('utf8');
    });
  }
  started.push(one);
  return one;
}

/** The `curl` lines of the banner, run by a shell as a person would. */
async function runPrinted(one: Started): Promise<string[]> {
  await waitFor('the banner', () => one.output.split('curl ').length > 3 || one.child.exitCode !== null, {
    boundMs: 60_000,
  });
  const lines = one.output.split('\n').filter((line) => line.trimStart().startsWith('curl '));
  assert.equal(lines.length, 3, one.output);
  const answers = [];
  for (const line of lines) answers.push((await promisify(execFile)('sh', ['-c', `${line} --silent`])).stdout);
  return answers;
}

async function stop({ child }: Started): Promise<void> {
  const exited = new Promise<number | null>((done) => child.once('exit', done));
  child.kill('SIGTERM');
  assert.equal(await within('the exit', 30_000, exited), 0);
}

test('a start without configuration answers the requests that it prints, and their rows are in PostgreSQL a moment later', async () => {
  const demo = start({});
  const [whole, streamed, chat] = await runPrinted(demo);
  assert.match(JSON.parse(chat!).choices[0].message.content, /mock upstream/);
  assert.equal(JSON.parse(whole!).type, 'message');
  assert.match(whole!, /mock upstream/);
  assert.equal(parseEvents(Buffer.from(streamed!)).at(-1)!.event, 'message_stop');
  const ready: ReadyFile = JSON.parse(readFileSync(join(demo.folder, 'data/ready'), 'utf8'));
  assert.match(ready.demoKey!, /^sk-ps-/);
  const sql = connectEmbedded(join(demo.folder, 'data'));
  const rows = await waitFor('three usage rows', async () => {
    const found = await sql`select * from usage_logs`;
    return found.length === 3 && found;
  });
  await sql.end();
  for (const row of rows) {
    assert.ok(row['input_tokens'] > 0 && row['output_tokens'] > 0);
    assert.ok(BigInt(row['charged_nano_usd']) > 0n);
    assert.ok(row['duration_ms'] >= row['first_byte_ms']);
  }
  await stop(demo);
});

test('ANTHROPIC_API_KEY and ANTHROPIC_BASE_URL make a real upstream account instead', async () => {
  const upstream = await Upstream.start();
  const demo = start({ ANTHROPIC_API_KEY: 'sk-real', ANTHROPIC_BASE_URL: upstream.url });
  const [whole] = await runPrinted(demo);
  assert.equal(JSON.parse(whole!).type, 'message');
  assert.deepEqual([...new Set(upstream.received.map(({ apiKey }) => apiKey))], ['sk-real']);
  assert.doesNotMatch(demo.output, /sk-real/);
  await stop(demo);
  await upstream.close();
});
