import assert from 'node:assert/strict';
import { test } from 'node:test';
import { freshDatabase } from '../support/postgres.ts';

const TEXTS = [
  '',
  'plain',
  'a,b',
  '{}',
  '"quoted"',
  '\\back\\slash\\',
  'NULL',
  'null',
  ' spaced ',
  'two\nlines',
  'größe 🦆',
];

test('texts of every kind go to PostgreSQL and come back as they were', async (t) => {
  const { db } = await freshDatabase(t);
  const [row] = await db<{ there: string[]; none: string[]; count: number }[]>`
    select ${TEXTS}::text[] as there, ${[]}::text[] as none, cardinality(${TEXTS}::text[]) as count`;
  assert.deepEqual({ ...row }, { there: TEXTS, none: [], count: TEXTS.length });
});

test('what PostgreSQL writes bare, quoted or as null is read', async (t) => {
  const { db } = await freshDatabase(t);
  const [row] = await db<{ texts: (string | null)[]; ints: (number | null)[] }[]>`
    select array['a', null, 'NULL', 'b c'] as texts, array[1, -2, null] as ints`;
  assert.deepEqual({ ...row }, { texts: ['a', null, 'NULL', 'b c'], ints: [1, -2, null] });
});
