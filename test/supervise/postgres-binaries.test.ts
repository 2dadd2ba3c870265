import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { findPostgresBinaries, type PostgresBinaries, reachableBinaries } from '#supervise/postgres-binaries.ts';
import { tempFolder } from '../support/temp-folder.ts';

const STRANGER = { name: 'stranger', uid: 64_123, gid: 64_123 };

function collectingLog() {
  const lines: string[] = [];
  const add = (text: string) => void lines.push(text);
  return { lines, info: add, warn: add, error: add };
}

/** The shape of the real package, in a folder that nobody else can enter, as after an installation under umask 077. */
function hiddenPackage(t: TestContext): PostgresBinaries {
  const root = join(tempFolder(t, 0o700), 'native');
  for (const folder of ['bin', 'lib/postgresql', 'share/postgresql'])
    mkdirSync(join(root, folder), { recursive: true });
  for (const program of ['bin/postgres', 'bin/initdb']) writeFileSync(join(root, program), program, { mode: 0o700 });
  for (const file of [
    'lib/postgresql/plpgsql.so',
    'share/postgresql/postgres.bki',
    'lib/libpq.so.5.18',
    'lib/libpq.a',
  ]) {
    writeFileSync(join(root, file), file, { mode: 0o600 });
  }
  symlinkSync('libpq.so.5.18', join(root, 'lib/libpq.so.5'));
  for (const folder of ['bin', 'lib', 'lib/postgresql', 'share', 'share/postgresql'])
    chmodSync(join(root, folder), 0o700);
  return { root, version: '18.0.0', postgres: join(root, 'bin/postgres'), initdb: join(root, 'bin/initdb') };
}

test('the package of this platform has its programs and its version', () => {
  const { postgres, initdb, version } = findPostgresBinaries();
  assert.ok(existsSync(postgres) && existsSync(initdb));
  assert.match(version, /^\d+\.\d+/);
});

test('it ships pg_stat_statements', () => {
  const { root } = findPostgresBinaries();
  assert.ok(readdirSync(join(root, 'lib/postgresql')).some((name) => name.startsWith('pg_stat_statements.')));
});

test('binaries that the user can run are used where they are', (t) => {
  const binaries = hiddenPackage(t);
  assert.equal(reachableBinaries(binaries, null, '/nonexistent', collectingLog()), binaries);
});

test('unreachable binaries are copied once, for everybody to run, and the log says where', (t) => {
  const binaries = hiddenPackage(t);
  const systemDir = join(tempFolder(t), 'system');
  const log = collectingLog();
  const copied = reachableBinaries(binaries, STRANGER, systemDir, log);
  assert.equal(copied.root, join(systemDir, 'postgres-18.0.0'));
  assert.equal(readFileSync(copied.postgres, 'utf8'), 'bin/postgres');
  assert.equal(readFileSync(join(copied.root, 'lib/libpq.so.5'), 'utf8'), 'lib/libpq.so.5.18');
  assert.equal(statSync(copied.postgres).mode & 0o777, 0o755);
  assert.deepEqual(readdirSync(systemDir), ['postgres-18.0.0'], 'no partial copy is left');
  assert.equal(log.lines.length, 1);
  assert.deepEqual(reachableBinaries(binaries, STRANGER, systemDir, log), copied);
  assert.equal(log.lines.length, 1, 'the second time it is there already');
});
