import { test } from 'node:test';
import { gatewayKill } from '../../native-bench/chaos/scenarios/gateway-kill.ts';
import { assertHolds } from '../support/chaos.ts';

test('the gateway process killed under load is back by itself, bills nothing twice, and bills what clients saw completed', async (t) => {
  await assertHolds(t, gatewayKill);
});
