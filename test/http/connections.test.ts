/** Connections beyond the bound of a front are closed at once and counted; those within it are served on. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { after, afterEach, before, test } from 'node:test';
import { closeAll } from '../support/close-all.ts';
import { account, KEY, standardCatalog, TestGateway } from '../support/gateway.ts';
import { question, send, sendRaw } from '../support/http-client.ts';
import { metric } from '../support/metrics.ts';
import { Upstream } from '../support/upstream.ts';
import { waitFor } from '../support/wait-for.ts';

const FRONTS = 2;
const BOUND = 5;
const TRIED = 60;

let upstream: Upstream;
let gateway: TestGateway;

before(async () => {
  upstream = await Upstream.start();
  gateway = await TestGateway.start({
    threads: { fronts: FRONTS },
    catalog: { ...standardCatalog(upstream.url), accounts: [account('a1', upstream.url, { concurrency: 50 })] },
    limits: { connectionsPerFront: BOUND },
    relay: { connectionsPerOrigin: 1, prewarm: 0 },
  });
});
afterEach(async () => {
  await waitFor('no connection left', async () => (await opened()) === 0);
});
after(async () => {
  await closeAll(
    () => gateway?.stop(),
    () => upstream?.close(),
  );
});

async function opened(): Promise<number> {
  const metrics = await gateway.metrics();
  return metric(metrics, 'penstock_connections_opened_total') - metric(metrics, 'penstock_connections_closed_total');
}

async function idleConnection(): Promise<Socket> {
  const { hostname, port } = new URL(gateway.url);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

test('beyond the bound new connections are closed at once, counted and said so', async () => {
  const sockets = await Promise.all(Array.from({ length: TRIED }, idleConnection));
  const closed = (): number => sockets.filter((socket) => socket.closed || socket.readableEnded).length;
  for (const socket of sockets) socket.resume();
  await waitFor('the surplus to be closed', () => closed() >= TRIED - FRONTS * BOUND);
  await waitFor('every front to hold exactly its bound', async () => (await opened()) === FRONTS * BOUND);
  const refused = metric(await gateway.metrics(), 'penstock_connections_refused_total');
  assert.equal(refused, TRIED - FRONTS * BOUND);
  await waitFor('the word of it', () => /closes new ones/.test(gateway.log));
  assert.ok((gateway.log.match(/closes new ones/g) ?? []).length <= FRONTS);
  const kept = sockets.find((socket) => !socket.closed && !socket.readableEnded)!;
  kept.write('GET /healthz HTTP/1.1\r\nhost: g\r\n\r\n');
  const [chunk] = (await once(kept, 'data')) as [Buffer];
  assert.match(chunk.toString(), /^HTTP\/1\.1 200/);
  for (const socket of sockets) socket.destroy();
  await waitFor('no connection left', async () => (await opened()) === 0);
  assert.equal((await send(gateway.url, { method: 'GET', path: '/healthz' })).status, 200);
});

test('no more requests are handed to an upstream than there are connections to it', async () => {
  const hold = new AbortController();
  upstream.plan = () => ({ holdUntil: hold.signal });
  let answered = 0;
  // Few enough for one front's bound on connections, should all of them land on one.
  const asked = Array.from({ length: BOUND }, async (_, i) => {
    const answer = await send(gateway.url, { key: KEY, body: question(`pool-${i}`) });
    answered++;
    return answer;
  });
  await waitFor('all to be refused or at the upstream', () => answered + upstream.openNow() === BOUND);
  hold.abort();
  const answers = await Promise.all(asked);
  const served = answers.filter(({ status }) => status === 200).length;
  assert.ok(served >= 1 && served <= FRONTS, `${served} served at once`);
  assert.ok(answers.every(({ status }) => status === 200 || status === 529));
  assert.equal(upstream.received.length, served, 'what found no connection was refused, not queued unseen');
});

const START = 'GET /v1/messages HTTP/1.1\r\nhost: g\r\n';

/** A head of so many header lines, `host` included. */
function headOfLines(lines: number): string {
  return `${START}${Array.from({ length: lines - 1 }, (_, i) => `h${i}: v\r\n`).join('')}\r\n`;
}

/** A head of so many bytes. */
function headOfBytes(bytes: number): string {
  return `${START}x: ${'v'.repeat(bytes - START.length - 7)}\r\n\r\n`;
}

// The server's own bounds: README names them.
const HEADS: [what: string, head: string, status: number][] = [
  ['98 header lines pass', headOfLines(98), 405],
  ['99 header lines are a 431', headOfLines(99), 431],
  ['a head of 4,096 bytes passes', headOfBytes(4_096), 405],
  ['a head of 4,200 bytes is a 431', headOfBytes(4_200), 431],
];

for (const [what, head, status] of HEADS) {
  test(what, async () => {
    const { text } = await sendRaw(gateway.url, [head], 5_000);
    assert.equal(Number(text.slice(9, 12)), status, text);
  });
}
