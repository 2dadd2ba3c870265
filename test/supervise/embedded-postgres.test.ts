import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import postgres from 'postgres';
import { processStartTime } from '#base/process-identity.ts';
import { StartupError } from '#base/startup-error.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '#supervise/embedded-postgres.ts';
import { findServiceUser } from '#supervise/service-user.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { waitFor, within } from '../support/wait-for.ts';

const NEEDS_ROOT = { skip: process.getuid?.() !== 0 && 'needs root' };

interface Place {
  readonly dataDir: string;
  readonly systemDir: string;
  readonly lines: string[];
  start(): Promise<EmbeddedPostgres>;
}

/** A data folder and a system folder of their own; whatever runs on them is stopped at the end. */
function place(t: TestContext, dataMode = 0o755): Place {
  const dataDir = join(tempFolder(t, dataMode), 'data');
  const systemDir = join(tempFolder(t), 'system');
  mkdirSync(dataDir);
  const lines: string[] = [];
  const add = (text: string) => void lines.push(text);
  const start = async () => {
    const server = await startEmbeddedPostgres({ dataDir, systemDir, log: { info: add, warn: add, error: add } });
    t.after(() => server.stop());
    return server;
  };
  return { dataDir, systemDir, lines, start };
}

async function ask(url: string, statement: string): Promise<unknown[]> {
  const sql = postgres(url, { max: 1, connect_timeout: 5 });
  try {
    return (await sql.unsafe(statement)).flatMap((row) => Object.values(row));
  } finally {
    await sql.end();
  }
}

test('a new folder gets a server with statement statistics, a durable disk, a portable locale; a second start keeps it all', async (t) => {
  const { dataDir, start } = place(t);
  const first = await start();
  assert.equal(first.adopted, false);
  await ask(first.url, 'create extension pg_stat_statements');
  assert.deepEqual(await ask(first.url, 'select count(*) > 0 from pg_stat_statements'), [true]);
  const settings = `select current_setting('fsync') a, current_setting('listen_addresses') b, current_setting('max_connections') c`;
  assert.deepEqual(await ask(first.url, settings), ['on', '127.0.0.1', '50']);
  assert.deepEqual(await ask(first.url, `select lower('ÄÖ') a, getdatabaseencoding() b`), ['äö', 'UTF8']);
  assert.equal(statSync(join(dataDir, 'postgres.json')).mode & 0o777, 0o600);
  await first.stop();
  await within('exited', 5_000, first.exited);
  assert.equal(processStartTime(first.pid), null);

  const second = await start();
  assert.equal(second.url, first.url, 'port and password stay');
  assert.deepEqual(await ask(second.url, 'select 1'), [1]);
});

test('nobody gets in without the password', async (t) => {
  const { start } = place(t);
  const { port } = await start();
  await assert.rejects(ask(`postgres://penstock:wrong@127.0.0.1:${port}/postgres`, 'select 1'), /password/);
});

test('a port that another program took is left to it', async (t) => {
  const { start } = place(t);
  const first = await start();
  await first.stop();
  const squatter = createServer().listen(first.port, '127.0.0.1');
  await once(squatter, 'listening');
  t.after(() => squatter.close());
  const second = await start();
  assert.notEqual(second.port, first.port);
  assert.deepEqual(await ask(second.url, 'select 1'), [1]);
});

test('a server whose starter was killed lives on, is adopted by the next start and stopped by it', async (t) => {
  const { dataDir, systemDir, lines, start } = place(t);
  const script = join(import.meta.dirname, 'postgres-starter.ts');
  const args = ['--disable-warning=ExperimentalWarning', script, dataDir, systemDir];
  const starter = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => starter.kill('SIGKILL'));
  const [line] = await within('the server', 30_000, once(starter.stdout, 'data'));
  const orphan = JSON.parse(String(line)) as { url: string; pid: number };
  starter.kill('SIGKILL');
  await once(starter, 'exit');

  const adopted = await start();
  assert.equal(adopted.adopted, true);
  assert.deepEqual({ url: adopted.url, pid: adopted.pid }, orphan);
  assert.deepEqual(await ask(adopted.url, 'select 1'), [1]);
  assert.match(lines.join('\n'), /Adopted/);
  await adopted.stop();
  await within('exited', 5_000, adopted.exited);
  assert.equal(processStartTime(adopted.pid), null);
});

test('the death of the server is told, and the next start recovers', async (t) => {
  const { start } = place(t);
  const first = await start();
  await ask(first.url, 'create table kept as select 7 as n');
  process.kill(first.pid, 'SIGKILL');
  await within('exited', 5_000, first.exited);
  const second = await start();
  assert.deepEqual(await ask(second.url, 'select n from kept'), [7]);
});

test('a pid file that names another live program does not stop a start', async (t) => {
  const { start } = place(t);
  const first = await start();
  const pidFile = join(first.clusterDir, 'postmaster.pid');
  const text = readFileSync(pidFile, 'utf8');
  await first.stop();
  writeFileSync(pidFile, text.replace(/^\d+/, String(process.pid)));
  const second = await start();
  assert.equal(second.adopted, false);
  assert.deepEqual(await ask(second.url, 'select 1'), [1]);
});

test('what PostgreSQL itself has against a start is said in one line', async (t) => {
  const { start } = place(t);
  const first = await start();
  await first.stop();
  rmSync(join(first.clusterDir, 'global', 'pg_control'));
  const error = await start().then(
    () => null,
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof StartupError);
  assert.match(error.message, /did not start: .*(pg_control|database system)/);
  assert.doesNotMatch(error.message, /\n/);
});

test('a cluster of another major version is not touched', async (t) => {
  const { start } = place(t);
  const first = await start();
  await first.stop();
  writeFileSync(join(first.clusterDir, 'PG_VERSION'), '17\n');
  await assert.rejects(start(), /is of PostgreSQL 17, this version ships 18/);
});

test('a first start that was cut off in the middle is begun again', async (t) => {
  const { dataDir, start } = place(t);
  mkdirSync(join(dataDir, 'pg.new'));
  writeFileSync(join(dataDir, 'pg.new', 'PG_VERSION'), '');
  const server = await start();
  assert.deepEqual(await ask(server.url, 'select 1'), [1]);
  assert.equal(existsSync(join(dataDir, 'pg.new')), false);
});

test(
  'as root, a data folder that the service user cannot reach keeps its database in the system folder, and the log says so',
  NEEDS_ROOT,
  async (t) => {
    const { dataDir, systemDir, lines, start } = place(t, 0o700);
    const server = await start();
    assert.ok(server.clusterDir.startsWith(`${systemDir}/`));
    assert.equal(lines.filter((line) => line.includes(systemDir) && line.includes(dataDir)).length, 1);
    assert.deepEqual(readdirSync(dataDir), ['postgres.json']);
    assert.notEqual(statSync(server.clusterDir).uid, 0);
    assert.deepEqual(await ask(server.url, 'select 1'), [1]);
  },
);

test(
  'as root, whoever empties such a data folder gets a new database, and the old one is set aside',
  NEEDS_ROOT,
  async (t) => {
    const { dataDir, lines, start } = place(t, 0o700);
    const first = await start();
    await ask(first.url, 'create table old as select 1 as n');
    await first.stop();
    rmSync(join(dataDir, 'postgres.json'));
    const second = await start();
    assert.deepEqual(await ask(second.url, `select to_regclass('old') is null`), [true]);
    assert.match(lines.join('\n'), /kept as .*pg-set-aside-/);
  },
);

test('an ordinary user runs PostgreSQL as itself, also in a folder that only it may enter', async (t) => {
  const { dataDir } = place(t);
  const user = findServiceUser();
  if (user !== null) chownSync(dataDir, user.uid, user.gid);
  chmodSync(dataDir, 0o700);
  const args = [
    join(import.meta.dirname, 'ordinary-user.ts'),
    dataDir,
    ...(user ? [`${user.uid}`, `${user.gid}`] : []),
  ];
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', ...args], { stdio: 'pipe' });
  let output = '';
  const note = (chunk: Buffer): void => {
    output += chunk.toString('utf8');
  };
  child.stdout.on('data', note);
  child.stderr.on('data', note);
  const [code] = await within('the ordinary user', 60_000, once(child, 'close'));
  assert.equal(code, 0, output);
  assert.deepEqual(JSON.parse(output), { serviceUser: null, one: 1 });
});

test('stopping ends sessions that are still open, within the bound', async (t) => {
  const { start } = place(t);
  const server = await start();
  const sql = postgres(server.url, { max: 1, onclose: () => {} });
  const query = sql`select pg_sleep(60)`.catch((error: Error) => error);
  await waitFor('the sleeping session', async () => {
    const [count] = await ask(
      server.url,
      `select count(*)::int from pg_stat_activity where query like '%pg_sleep(60)%' and pid <> pg_backend_pid()`,
    );
    return count === 1;
  });
  await within('the stop', 9_000, server.stop());
  assert.ok((await query) instanceof Error);
  await sql.end({ timeout: 0 });
});
