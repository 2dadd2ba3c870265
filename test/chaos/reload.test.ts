import { test } from 'node:test';
import { reload } from '../../native-bench/chaos/scenarios/reload.ts';
import { assertHolds } from '../support/chaos.ts';

test('SIGHUP under clients that connect anew: none is refused, no answer breaks off, no limit is exceeded', async (t) => {
  await assertHolds(t, reload);
});
