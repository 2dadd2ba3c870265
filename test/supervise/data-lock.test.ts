import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { processStartTime } from '#base/process-identity.ts';
import { StartupError } from '#base/startup-error.ts';
import { lockDataFolder } from '#supervise/data-lock.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { within } from '../support/wait-for.ts';

const CONTENDERS = 6;

interface Contender {
  readonly process: ChildProcess;
  readonly verdict: Promise<string>;
}

function contend(t: TestContext, dataDir: string, startAtMs = 0): Contender {
  const script = join(import.meta.dirname, 'lock-contender.ts');
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', script, dataDir, String(startAtMs)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  t.after(() => child.kill('SIGKILL'));
  const verdict = once(child.stdout, 'data').then(([chunk]) => String(chunk).trim());
  return { process: child, verdict: within('a verdict about the lock', 20_000, verdict) };
}

async function race(t: TestContext, dataDir: string): Promise<string[]> {
  const contenders = Array.from({ length: CONTENDERS }, () => contend(t, dataDir, Date.now() + 600));
  return Promise.all(contenders.map((contender) => contender.verdict));
}

function assertOneWinner(verdicts: string[]): void {
  assert.equal(verdicts.filter((verdict) => verdict === 'won').length, 1, verdicts.join('\n'));
  for (const verdict of verdicts) assert.match(verdict, /^won$|in use by process \d+/);
}

test('of several starts at the same instant exactly one gets an unlocked folder', async (t) => {
  assertOneWinner(await race(t, tempFolder(t)));
});

test('of several starts at the same instant exactly one takes over the lock of a dead process', async (t) => {
  const dataDir = tempFolder(t);
  const dead = contend(t, dataDir);
  assert.equal(await dead.verdict, 'won');
  dead.process.kill('SIGKILL');
  await once(dead.process, 'exit');
  assert.ok(existsSync(join(dataDir, 'lock')), 'a killed holder leaves its lock');
  assertOneWinner(await race(t, dataDir));
  assert.deepEqual(readdirSync(dataDir), ['lock'], 'nothing else is left');
});

test('a second start is refused and names the holder; once that has released, it gets the folder', async (t) => {
  const dataDir = tempFolder(t);
  const holder = contend(t, dataDir);
  assert.equal(await holder.verdict, 'won');
  assert.throws(
    () => lockDataFolder(dataDir),
    (error) => error instanceof StartupError && error.message.includes(`process ${holder.process.pid}:`),
  );
  holder.process.stdin?.end();
  await once(holder.process, 'exit');
  lockDataFolder(dataDir).release();
  assert.deepEqual(readdirSync(dataDir), []);
});

test('a lock whose pid was given to another process is stale', (t) => {
  const dataDir = tempFolder(t);
  writeFileSync(join(dataDir, 'lock'), JSON.stringify({ pid: process.pid, startTime: 'another boot/1', nonce: 'a' }));
  assert.notEqual(processStartTime(process.pid), 'another boot/1');
  lockDataFolder(dataDir).release();
});

test('a lock file that nobody of us wrote is taken over', (t) => {
  const dataDir = tempFolder(t);
  writeFileSync(join(dataDir, 'lock'), 'rubbish');
  lockDataFolder(dataDir).release();
});

test('releasing twice does not remove the lock of a successor', (t) => {
  const dataDir = tempFolder(t);
  const first = lockDataFolder(dataDir);
  first.release();
  const second = lockDataFolder(dataDir);
  first.release();
  assert.deepEqual(readdirSync(dataDir), ['lock']);
  second.release();
});
