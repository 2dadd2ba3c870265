import { test } from 'node:test';
import { supervisorKill } from '../../native-bench/chaos/scenarios/supervisor-kill.ts';
import { assertHolds } from '../support/chaos.ts';

test('the supervisor killed under load, alone or with its gateway: the next start serves, and the books are exact', async (t) => {
  await assertHolds(t, supervisorKill);
});
