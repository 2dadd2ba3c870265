/** The audit of the shared tables ends a process that leaks. Every other test of this folder runs under it, and shows its silence. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { closeAll } from '../support/close-all.ts';
import { allFrontsListen, askForFault } from '../support/front-faults.ts';
import { KEY, standardCatalog, TestGateway } from '../support/gateway.ts';
import { question, send } from '../support/http-client.ts';
import { Upstream } from '../support/upstream.ts';
import { waitFor } from '../support/wait-for.ts';

let upstream: Upstream;
let gateway: TestGateway;

before(async () => {
  upstream = await Upstream.start();
  gateway = await TestGateway.start({
    catalog: standardCatalog(upstream.url),
    test: { nameFront: true, crashHeader: true },
  });
});
after(async () => {
  await closeAll(
    () => gateway?.stop(),
    () => upstream?.close(),
  );
});

test('a place that nobody returns ends the process with the numbers, and the next one serves without it', async () => {
  // Refused, and yet its user has a row now.
  assert.equal((await send(gateway.url, { key: KEY, body: '{' })).status, 400);
  const { gatewayPid } = gateway;
  await askForFault(gateway.url, '1', 'leak-place');
  await waitFor('another gateway process', () => gateway.readAgain().gatewayPid !== gatewayPid, { boundMs: 60_000 });
  await allFrontsListen(gateway);
  assert.match(gateway.log, /the audit of the shared tables failed/);
  assert.match(gateway.log, /owner 1: places of user row 0: the table has 1, there are 0/);
  assert.equal((await send(gateway.url, { key: KEY, body: question('after') })).status, 200);
  await gateway.assertIdle();
});
