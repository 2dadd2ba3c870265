import { test } from 'node:test';
import { postgres } from '../../native-bench/chaos/scenarios/postgres.ts';
import { assertHolds } from '../support/chaos.ts';

test('PostgreSQL killed or frozen in any phase of a batch: no client notices, and every answer is billed exactly once', async (t) => {
  await assertHolds(t, postgres);
});
