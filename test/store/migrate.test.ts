import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { ensurePartitions } from '#store/ensure-partitions.ts';
import { migrate } from '#store/migrate.ts';
import { freshDatabase } from '../support/postgres.ts';

test('processes that start together migrate once', async (t) => {
  const { db } = await freshDatabase(t);
  await db.unsafe('drop schema public cascade; create schema public');
  const applied = await Promise.all([migrate(db), migrate(db), migrate(db)]);
  const files = readdirSync(new URL('../../src/store/migrations', import.meta.url)).sort();
  assert.deepEqual(applied.flat(), files);
  assert.deepEqual(await migrate(db), []);
});

test('a database that a later version has migrated is left as it is', async (t) => {
  const { db } = await freshDatabase(t);
  await db`insert into schema_migrations (name) values ('9999-later.sql')`;
  assert.deepEqual(await migrate(db), []);
});

test('partitions of this month and the next are made once, also by several processes, at the end of a year too', async (t) => {
  const { db } = await freshDatabase(t);
  const december = new Date('2031-12-31T23:59:59.999Z');
  const made = await Promise.all([ensurePartitions(db, december), ensurePartitions(db, december)]);
  assert.deepEqual(made.flat().sort(), ['usage_logs_2031_12', 'usage_logs_2032_01']);
  assert.deepEqual(await ensurePartitions(db, december), []);
  const indexes = await db`select indexdef from pg_indexes where tablename = 'usage_logs_2032_01'`;
  assert.equal(indexes.length, 4);
});
