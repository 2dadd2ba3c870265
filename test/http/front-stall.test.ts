/** A front that takes no turns cannot be ended from outside: it is reported, and after twice the time the process is replaced. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { closeAll } from '../support/close-all.ts';
import { allFrontsListen, askForFault } from '../support/front-faults.ts';
import { KEY, standardCatalog, TestGateway } from '../support/gateway.ts';
import { question, send } from '../support/http-client.ts';
import { listenerCount } from '../support/listening.ts';
import { metric } from '../support/metrics.ts';
import { Upstream } from '../support/upstream.ts';
import { waitFor } from '../support/wait-for.ts';

const FRONTS = 3;
/** A front is looked at, and beats, every half second: a silence is told up to that much longer than it was. */
const STALL_MS = 3_000;

let upstream: Upstream;
let gateway: TestGateway;

before(async () => {
  upstream = await Upstream.start();
  gateway = await TestGateway.start({
    catalog: standardCatalog(upstream.url),
    threads: { fronts: FRONTS, stallMs: STALL_MS },
    test: { nameFront: true, crashHeader: true },
  });
});
after(async () => {
  await closeAll(
    () => gateway?.stop(),
    () => upstream?.close(),
  );
});

async function stalled(front: string): Promise<boolean> {
  return metric(await gateway.metrics(), 'penstock_front_stalled', `front="${front}"`) === 1;
}

test('a front that stands still is told by metric, alarm and readiness, and is well again when it goes on', async () => {
  void askForFault(gateway.url, '1', `stall-front ${STALL_MS * 1.7}`);
  await waitFor('the stall to be told', () => stalled('1'));
  const ready = await fetch(`${gateway.controlUrl}/readyz`);
  assert.equal(ready.status, 503);
  assert.match(await ready.text(), /front 1 takes no turns/);
  assert.equal(metric(await gateway.metrics(), 'penstock_alarm', 'front_stalled'), 1);
  await waitFor('the front to be well', async () => !(await stalled('1')));
  assert.equal((await fetch(`${gateway.controlUrl}/readyz`)).status, 200);
  assert.equal(metric(await gateway.metrics(), 'penstock_alarm', 'front_stalled'), 0);
});

test('a front that stands still for good costs the gateway process, and the next one serves on the same port', async () => {
  const { gatewayPid } = gateway;
  void askForFault(gateway.url, '2', 'stall-front 600000');
  await waitFor('another gateway process', () => gateway.readAgain().gatewayPid !== gatewayPid, { boundMs: 60_000 });
  await allFrontsListen(gateway);
  assert.match(gateway.log, /Front 2 takes no turns any more/);
  // Until then the kernel still gives the stuck front a share of new connections, which nobody answers. Its process may be a zombie with
  // threads that have yet to end, and their sockets.
  const port = Number(new URL(gateway.url).port);
  await waitFor('the end of the old listeners', () => listenerCount(port) === FRONTS, { boundMs: 30_000 });
  const answer = await send(gateway.url, { key: KEY, body: question('after the stall') });
  assert.equal(answer.status, 200);
});
