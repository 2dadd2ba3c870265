/** The supervisor over a real gateway process and a real PostgreSQL: what it starts again, what it refuses, how it ends. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { type TestContext, test } from 'node:test';
import { stringify } from 'yaml';
import { processStartTime } from '#base/process-identity.ts';
import { KEY, standardCatalog, TestGateway } from '../support/gateway.ts';
import { question, send } from '../support/http-client.ts';
import { isListening } from '../support/listening.ts';
import { Upstream } from '../support/upstream.ts';
import { waitFor, within } from '../support/wait-for.ts';

const REPOSITORY = resolve(import.meta.dirname, '../..');

async function gatewayFor(t: TestContext, patch: Record<string, unknown> = {}): Promise<TestGateway> {
  const upstream = await Upstream.start();
  t.after(() => upstream.close());
  const gateway = await TestGateway.start({ catalog: standardCatalog(upstream.url), ...patch });
  t.after(() => gateway.stop());
  return gateway;
}

/** A start of its own, beside that of a TestGateway; its exit code and what it said. */
async function startAlone(t: TestContext, ...args: string[]): Promise<{ code: number | null; output: string }> {
  const child: ChildProcess = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', 'src/main.ts', ...args],
    { cwd: REPOSITORY, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  t.after(() => child.kill('SIGKILL'));
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const [code] = await within('the exit', 60_000, once(child, 'close'));
  return { code: code as number | null, output };
}

async function assertAnswers(gateway: TestGateway): Promise<void> {
  const answer = await send(gateway.url, { key: KEY, body: question('supervisor') });
  assert.equal(answer.status, 200);
}

function readyOf(gateway: TestGateway): TestGateway['ready'] {
  return JSON.parse(readFileSync(join(gateway.dataDir, 'ready'), 'utf8'));
}

function postmasterPid(gateway: TestGateway): number {
  return Number(readFileSync(join(gateway.dataDir, 'pg/postmaster.pid'), 'utf8').split('\n', 1)[0]);
}

test('a killed gateway process is replaced: same addresses, new pid in the ready file', async (t) => {
  const gateway = await gatewayFor(t);
  const before = gateway.ready;
  assert.equal(before.pid === before.gatewayPid, false);
  process.kill(before.gatewayPid, 'SIGKILL');
  await waitFor('the next gateway process', () => readyOf(gateway).gatewayPid !== before.gatewayPid, {
    boundMs: 30_000,
  });
  const after = readyOf(gateway);
  assert.deepEqual({ ...after, gatewayPid: 0 }, { ...before, gatewayPid: 0 });
  gateway.ready = after;
  await assertAnswers(gateway);
});

test('a killed PostgreSQL is started again, and the gateway process lives through it', async (t) => {
  const gateway = await gatewayFor(t);
  const before = postmasterPid(gateway);
  process.kill(before, 'SIGKILL');
  await waitFor(
    'the next PostgreSQL',
    () => existsSync(join(gateway.dataDir, 'pg/postmaster.pid')) && postmasterPid(gateway) !== before,
  );
  await assertAnswers(gateway);
  await gateway.flush();
  assert.equal(readyOf(gateway).gatewayPid, gateway.gatewayPid);
});

test('after kill -9 of the supervisor the next start waits for the old gateway process, adopts PostgreSQL and serves', async (t) => {
  const gateway = await gatewayFor(t);
  const { pid, gatewayPid } = gateway.ready;
  const postmaster = postmasterPid(gateway);
  process.kill(pid, 'SIGKILL');
  await gateway.launch();
  assert.equal(processStartTime(gatewayPid), null, 'the old gateway process ended by itself');
  assert.equal(postmasterPid(gateway), postmaster);
  await assertAnswers(gateway);
});

test('a second start on the same data folder is refused and names the holder', async (t) => {
  const gateway = await gatewayFor(t);
  const { code, output } = await startAlone(t, '--config', gateway.configFile);
  assert.equal(code, 1);
  assert.match(output, new RegExp(`in use by process ${gateway.pid}\\b`));
  await assertAnswers(gateway);
});

test('SIGTERM leaves no process, no ready file and no lock', async (t) => {
  const gateway = await gatewayFor(t);
  const { pid, gatewayPid } = gateway.ready;
  const postmaster = postmasterPid(gateway);
  assert.equal(await gateway.terminate(), 0);
  for (const left of [pid, gatewayPid, postmaster]) assert.equal(processStartTime(left), null);
  const traces = readdirSync(gateway.dataDir).filter((name) => /^(ready|lock|gateway\.pid)/.test(name));
  assert.deepEqual(traces, []);
});

test('a second signal ends at once, with a stream still open', async (t) => {
  const upstream = await Upstream.start({ plan: () => ({ events: 10_000, paceMs: 100 }) });
  t.after(() => upstream.close());
  const gateway = await TestGateway.start({ catalog: standardCatalog(upstream.url) });
  t.after(() => gateway.stop());
  const { gatewayPid, pid } = gateway.ready;
  const open = send(gateway.url, { key: KEY, body: question('endless', { stream: true }) }).catch(() => null);
  await waitFor('the open stream', () => upstream.openNow() === 1);
  process.kill(pid, 'SIGTERM');
  await waitFor('the first signal to be heeded', () => !isListening(gatewayPid, Number(new URL(gateway.url).port)));
  const secondMs = performance.now() + 500;
  await waitFor('the time after which a signal counts as the second', () => performance.now() > secondMs);
  assert.notEqual(processStartTime(pid), null, 'the first signal waits for the stream');
  process.kill(pid, 'SIGTERM');
  await waitFor('the end', () => processStartTime(pid) === null && processStartTime(gatewayPid) === null, {
    // Without the second signal the stream would be waited for twice as long.
    boundMs: 15_000,
  });
  assert.equal(await gateway.ended(), 143);
  await open;
});

test('what stops a first start is one line and exit code 1, without a second try', async (t) => {
  const squatter = createServer().listen(0, '127.0.0.1');
  await once(squatter, 'listening');
  t.after(() => squatter.close());
  const address = squatter.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const gateway = await gatewayFor(t);
  await gateway.terminate();
  const config = join(gateway.folder, 'taken-port.yaml');
  const base = { data: gateway.dataDir, listen: { port: 0 }, threads: { fronts: 1 }, log: { level: 'error' } };
  writeFileSync(config, stringify({ ...base, control: { port } }));
  const { code, output } = await startAlone(t, '--config', config);
  assert.equal(code, 1);
  const lines = output.trim().split('\n');
  assert.equal(lines.length, 1, output);
  assert.match(lines[0] ?? '', new RegExp(`^penstock: .*\\b${port}\\b`));
});

test('a wrong configuration is one line with the place of the fault', async (t) => {
  const gateway = await gatewayFor(t);
  const config = join(gateway.folder, 'wrong.yaml');
  writeFileSync(config, 'lisen: { port: 0 }\n');
  const { code, output } = await startAlone(t, '--config', config);
  assert.equal(code, 1);
  assert.match(output, /^penstock: .*lisen.*listen.*\n$/);
});

test('--help tells the options of a start', async (t) => {
  const { code, output } = await startAlone(t, '--help');
  assert.equal(code, 0);
  assert.match(output, /--config FILE[\s\S]*--ready-file FILE/);
});
