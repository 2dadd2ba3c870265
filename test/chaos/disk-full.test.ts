import { test } from 'node:test';
import { diskFull } from '../../native-bench/chaos/scenarios/disk-full.ts';
import { assertHolds } from '../support/chaos.ts';

test('a full disk refuses new work with 503 and loses nothing that was served; room brings service back', async (t) => {
  await assertHolds(t, diskFull, process.getuid?.() !== 0);
});
