import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NoPrincipal, Principal } from '#auth/principal.ts';
import { Ledger, ledgerBytes } from '#coordinate/local/ledger.ts';
import { RowGenerations, rowGenerationBytes } from '#coordinate/local/row-generations.ts';
import { RowTable } from '#coordinate/local/row-table.ts';
import type { PrincipalRow } from '#store/find-principals.ts';
import { PrincipalDesk, type PrincipalStore } from '#threads/principal-desk.ts';
import { principalOf } from '../support/principal.ts';
import { makeBlocks, openBlocks } from '../support/shared-tables.ts';
import { waitFor } from '../support/wait-for.ts';

const hash = (n: number): string => n.toString(16).padStart(64, '0').split('').reverse().join('');
const [A, B, C] = [hash(1), hash(2), hash(3)] as [string, string, string];

function rowOf(keyHash: string, userId: number): PrincipalRow {
  const { userRow: _, userGeneration: __, ...principal } = principalOf({ keyHash, userId });
  return { ...principal, concurrency: 5, balanceNanoUsd: 1000n };
}

function open(options: { rowsMax?: number; lookupTimeoutMs?: number } = {}) {
  const { table } = openBlocks(makeBlocks(4, 4), 0);
  const shape = { rows: 4, owners: 1 };
  const ledger = new Ledger(new SharedArrayBuffer(ledgerBytes(shape)), shape, 0);
  const rows = new RowTable(options.rowsMax ?? 4, new RowGenerations(new SharedArrayBuffer(rowGenerationBytes(4))));
  const known = new Map([A, B, C].map((keyHash, i) => [keyHash, rowOf(keyHash, i + 1)]));
  const statements: string[][] = [];
  const answers: [number, string, Principal | NoPrincipal][] = [];
  const gate: { failing: boolean; held: Promise<void> | null } = { failing: false, held: null };
  const log = { warn: () => {}, error: () => {} } as never;
  const store: PrincipalStore = {
    findPrincipals: async (keyHashes) => {
      statements.push(keyHashes);
      if (gate.failing) throw new Error('away');
      const found = keyHashes.flatMap((keyHash) => known.get(keyHash) ?? []);
      await gate.held;
      return found;
    },
    loadKeyHashes: async () => [...known.keys()],
  };
  const desk = new PrincipalDesk(
    store,
    { rows, limits: table, balances: ledger },
    { keyCacheEntries: 2, keyFingerprints: 100, staleMs: 60_000, lookupTimeoutMs: options.lookupTimeoutMs ?? 150 },
    log,
    (front, keyHash, found) => void answers.push([front, keyHash, found]),
  );
  const answered = (count: number) => waitFor(`${count} answers`, () => answers.length >= count);
  return { desk, known, statements, answers, answered, gate, table, ledger, store };
}

test('questions of one turn of the loop are one statement, and fronts that ask for the same key share it', async () => {
  const { desk, statements, answers, answered } = open();
  await desk.learnKeys();
  desk.ask(0, A);
  desk.ask(1, A);
  desk.ask(2, B);
  await answered(3);
  assert.deepEqual(statements, [[A, B]]);
  assert.deepEqual(
    answers.map(([front, keyHash]) => [front, keyHash]),
    [
      [0, A],
      [1, A],
      [2, B],
    ],
  );
});

test('a question joins a statement that is under way', async () => {
  const { desk, statements, answered, gate } = open();
  await desk.learnKeys();
  let open1: () => void = () => {};
  gate.held = new Promise((resolve) => {
    open1 = resolve;
  });
  desk.ask(0, A);
  await waitFor('the statement', () => statements.length === 1);
  desk.ask(1, A);
  open1();
  await answered(2);
  assert.equal(statements.length, 1);
});

test('what was found for one front serves the others, until the key changes', async () => {
  const { desk, known, statements, answers, answered } = open();
  await desk.learnKeys();
  desk.ask(0, A);
  await answered(1);
  desk.ask(1, A);
  assert.equal(statements.length, 1);
  known.set(A, { ...rowOf(A, 1), keyStatus: 'revoked' });
  desk.forget([A]);
  desk.ask(1, A);
  await answered(3);
  assert.equal(statements.length, 2);
  assert.equal((answers[2]![2] as Principal).keyStatus, 'revoked');
});

test('an answer that was under way when its key changed is not kept', async () => {
  const { desk, known, statements, answers, answered, gate } = open();
  await desk.learnKeys();
  let open1: () => void = () => {};
  gate.held = new Promise((resolve) => {
    open1 = resolve;
  });
  desk.ask(0, A);
  await waitFor('the statement', () => statements.length === 1);
  known.set(A, { ...rowOf(A, 1), keyStatus: 'revoked' });
  desk.forget([A]);
  desk.ask(1, A);
  open1();
  await answered(2);
  assert.equal(statements.length, 2);
  assert.equal((answers.find(([front]) => front === 1)![2] as Principal).keyStatus, 'revoked');
  desk.ask(2, A);
  assert.equal((answers.at(-1)![2] as Principal).keyStatus, 'revoked');
});

test('a key that nobody has costs no statement, unless the notification channel is lost', async () => {
  const { desk, statements, answers, answered } = open();
  await desk.learnKeys();
  desk.ask(0, hash(99));
  assert.deepEqual(answers, [[0, hash(99), 'unknown']]);
  assert.equal(statements.length, 0);
  desk.distrust();
  desk.ask(0, hash(99));
  await answered(2);
  assert.deepEqual([answers[1]![2], statements.length], ['unknown', 1]);
});

test('a key made since is known from its notification', async () => {
  const { desk, known, answers, answered } = open();
  await desk.learnKeys();
  known.set(hash(7), rowOf(hash(7), 3));
  desk.forget([hash(7)]);
  desk.ask(0, hash(7));
  await answered(1);
  assert.equal(typeof answers[0]![2], 'object');
});

test('while PostgreSQL refuses, what was found before serves at once, and a look-up is repeated for as long as fronts wait for another key', async () => {
  const { desk, statements, answers, answered, gate } = open();
  await desk.learnKeys();
  desk.ask(0, A);
  await answered(1);
  gate.failing = true;
  desk.distrust();
  desk.renew();
  desk.ask(1, A);
  desk.ask(1, B);
  await answered(2);
  assert.deepEqual(answers[1]!.slice(0, 2), [1, A], 'the key that is known');
  const before = statements.length;
  await answered(3);
  assert.ok(statements.length > before, `${statements.length} statements`);
  assert.equal(typeof answers.find(([front, keyHash]) => front === 1 && keyHash === A)![2], 'object');
  assert.equal(answers.find(([front, keyHash]) => front === 1 && keyHash === B)![2], 'unavailable');
});

test('a user gets a row with limit and balance once; a full table refuses newcomers and keeps the others', async () => {
  const { desk, known, answers, answered, table, ledger } = open({ rowsMax: 1 });
  await desk.learnKeys();
  desk.ask(0, A);
  await answered(1);
  const { userRow } = answers[0]![2] as Principal;
  assert.deepEqual([table.limit(userRow), ledger.available(userRow)], [5, 1000n]);
  desk.ask(0, B);
  await answered(2);
  assert.equal(answers[1]![2], 'full');
  known.set(A, { ...rowOf(A, 1), concurrency: 9, balanceNanoUsd: 1n });
  desk.forget([A]);
  desk.ask(0, A);
  await answered(3);
  assert.deepEqual([table.limit(userRow), ledger.available(userRow)], [9, 1000n], 'the balance comes from batches now');
});

test('with more keys than fingerprints are kept, what was found is still kept and unknown keys are asked for', async () => {
  const { desk, statements, answers, answered, store } = open();
  store.loadKeyHashes = async () => null;
  await desk.learnKeys();
  desk.ask(0, A);
  desk.ask(0, hash(99));
  await answered(2);
  desk.ask(1, A);
  assert.equal(statements.length, 1);
  assert.equal(answers.find(([, keyHash]) => keyHash === hash(99))![2], 'unknown');
});
