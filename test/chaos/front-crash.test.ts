import { test } from 'node:test';
import { frontCrash } from '../../native-bench/chaos/scenarios/front-crash.ts';
import { assertHolds } from '../support/chaos.ts';

test('a front that crashes under load leaves nothing behind, and everything completed is billed exactly', async (t) => {
  await assertHolds(t, frontCrash);
});
