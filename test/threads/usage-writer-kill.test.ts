import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freshDatabase } from '../support/postgres.ts';
import { readBooks, seedUsers } from '../support/usage-records.ts';
import { waitFor } from '../support/wait-for.ts';
import { WriterHarness } from '../support/writer-harness.ts';

const KILLS = 8;
const PROCESS = fileURLToPath(new URL('../support/writer-process.ts', import.meta.url));

test('kill -9 at random times: every record that was in a journal is billed once, and nothing else is billed', async (t) => {
  const { db, url } = await freshDatabase(t);
  await seedUsers(db, 1);
  const journalDir = mkdtempSync(join(tmpdir(), 'penstock-journal-'));
  t.after(() => rmSync(journalDir, { recursive: true, force: true }));
  let surely = 0;
  for (let life = 0; life < KILLS; life++) surely += await liveAndDie(url, journalDir);
  const writer = await WriterHarness.start(t, { databaseUrl: url, journalDir });
  assert.equal(await writer.flush(), null);
  const books = await readBooks(db);
  assert.ok(books.rows >= surely, `${books.rows} rows of ${surely} records that were journaled`);
  assert.equal(books.requests, books.rows);
  assert.equal(books.chargedNanoUsd, BigInt(books.rows) * 1000n);
  assert.equal(books.debitedNanoUsd, books.chargedNanoUsd);
  assert.equal(await writer.drain(), 0);
  assert.deepEqual(writer.segments, []);
});

/** One life of the process: records until it is killed. Resolves to how many records its journal held at the least. */
async function liveAndDie(url: string, journalDir: string): Promise<number> {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', PROCESS, url, journalDir], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const printed = lastLine(child);
  try {
    await waitFor('records in the journal', () => printed() > 0, { boundMs: 20_000 });
    await sleep(Math.random() * 200);
  } finally {
    child.kill('SIGKILL');
    await once(child, 'close');
  }
  return printed();
}

/** The last whole number that the child printed. */
function lastLine(child: ChildProcess): () => number {
  let text = '';
  child.stdout!.setEncoding('utf8').on('data', (piece: string) => {
    text = (text + piece).slice(-200);
  });
  return () =>
    Number(
      text
        .slice(0, text.lastIndexOf('\n') + 1)
        .trim()
        .split('\n')
        .at(-1) ?? 0,
    );
}
