import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { outwaitOrphans, rememberGateways } from '#supervise/gateway-pid-file.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { within } from '../support/wait-for.ts';

const LOG = { info() {}, warn() {}, error() {} };

async function sleeper(t: TestContext): Promise<ChildProcess> {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
  t.after(() => child.kill('SIGKILL'));
  await once(child, 'spawn');
  return child;
}

test('a start waits for the gateway process that an earlier supervisor left', async (t) => {
  const dataDir = tempFolder(t);
  const gateway = await sleeper(t);
  rememberGateways(dataDir, [gateway.pid as number]);
  let waited = false;
  const wait = outwaitOrphans(dataDir, 60_000, LOG).then(() => {
    waited = true;
  });
  assert.equal(waited, false);
  gateway.kill('SIGTERM');
  await within('the end of the wait', 10_000, wait);
  assert.equal(existsSync(join(dataDir, 'gateway.pid')), false);
});

test('a start waits for both gateway processes of a reload, and says for whom and how long', async (t) => {
  const dataDir = tempFolder(t);
  const [current, predecessor] = [await sleeper(t), await sleeper(t)];
  rememberGateways(dataDir, [current.pid as number, predecessor.pid as number]);
  const said: string[] = [];
  let waited = false;
  const wait = outwaitOrphans(dataDir, 60_000, { ...LOG, warn: (text: string) => said.push(text) }).then(() => {
    waited = true;
  });
  current.kill('SIGTERM');
  await once(current, 'exit');
  assert.equal(waited, false);
  predecessor.kill('SIGTERM');
  await within('the end of the wait', 10_000, wait);
  assert.match(said[0] ?? '', new RegExp(`${current.pid} and ${predecessor.pid}.*at most 60 s`));
});

test('one that does not end within the bound is killed', async (t) => {
  const dataDir = tempFolder(t);
  const gateway = await sleeper(t);
  const exit = once(gateway, 'exit');
  rememberGateways(dataDir, [gateway.pid as number]);
  await within('the end of the wait', 10_000, outwaitOrphans(dataDir, 0, LOG));
  assert.deepEqual(await exit, [null, 'SIGKILL']);
});

test('a pid that now belongs to another process, a damaged file or none at all: no wait, and nobody is killed', async (t) => {
  const dataDir = tempFolder(t);
  const stranger = await sleeper(t);
  writeFileSync(join(dataDir, 'gateway.pid'), JSON.stringify({ pid: stranger.pid, startTime: 'another boot/1' }));
  await within('no wait', 5_000, outwaitOrphans(dataDir, 0, LOG));
  writeFileSync(join(dataDir, 'gateway.pid'), '{');
  await within('no wait', 5_000, outwaitOrphans(dataDir, 0, LOG));
  rememberGateways(dataDir, []);
  await within('no wait', 5_000, outwaitOrphans(dataDir, 0, LOG));
  assert.equal(stranger.exitCode ?? stranger.signalCode, null);
});
