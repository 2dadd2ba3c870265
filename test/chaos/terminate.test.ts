import { test } from 'node:test';
import { terminate } from '../../native-bench/chaos/scenarios/terminate.ts';
import { assertHolds } from '../support/chaos.ts';

test('SIGTERM under load: no answer breaks off, and the next start bills every one of them exactly', async (t) => {
  await assertHolds(t, terminate);
});
