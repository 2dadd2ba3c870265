/** TLS on the data port: whole and streamed answers, slow readers, stalled handshakes; and what a start says of bad files. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { copyFileSync, readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { connect } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { closeAll } from '../support/close-all.ts';
import { KEY, standardCatalog, TestGateway } from '../support/gateway.ts';
import { finish, question } from '../support/http-client.ts';
import { metric } from '../support/metrics.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { Upstream } from '../support/upstream.ts';
import { waitFor, within } from '../support/wait-for.ts';

const fixture = (name: string): string => fileURLToPath(new URL(`../support/${name}`, import.meta.url));
const CA = readFileSync(fixture('private-ca.pem'));
const ENCRYPTED = fixture('ca-signed-encrypted.pem');
const READERS = 4;
const ANSWER_BYTES = 12 * 1024 * 1024;

let upstream: Upstream;
let gateway: TestGateway;
/** The server takes its ten seconds while other tests run. */
let stalledHandshakeEnd: Promise<unknown>;

before(async () => {
  upstream = await Upstream.start();
  gateway = await TestGateway.start({
    catalog: standardCatalog(upstream.url),
    listen: { host: '127.0.0.1', port: 0, tls: { certFile: ENCRYPTED, keyFile: ENCRYPTED, passphrase: 'open-sesame' } },
    stream: { highWaterBytes: 262_144 },
  });
  stalledHandshakeEnd = stallHandshake();
});
after(async () => {
  await closeAll(
    () => gateway?.stop(),
    () => upstream?.close(),
  );
});

async function stallHandshake(): Promise<void> {
  const socket = connect(Number(new URL(gateway.url).port), '127.0.0.1');
  socket.on('error', () => {});
  // The beginning of a ClientHello.
  socket.write(Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01]));
  socket.resume();
  await new Promise((resolve) => socket.once('close', resolve));
}

/** Verified against the tests' own authority. */
function open(body: object, agent?: Agent): Promise<IncomingMessage> {
  return openAt(gateway.url, body, agent);
}

async function openAt(url: string, body: object, agent = new Agent({ ca: CA })): Promise<IncomingMessage> {
  const bytes = Buffer.from(JSON.stringify(body));
  const headers = { 'x-api-key': KEY, 'content-type': 'application/json', 'content-length': String(bytes.length) };
  const sent = request(new URL('/v1/messages', url), { method: 'POST', agent, headers });
  const answered = once(sent, 'response');
  sent.end(bytes);
  const [response] = (await within('a head', 60_000, answered)) as [IncomingMessage];
  return response;
}

test('the ready file says https, and answers arrive whole and streamed on one kept connection', async () => {
  assert.match(gateway.url, /^https:\/\//);
  const agent = new Agent({ ca: CA, keepAlive: true, maxSockets: 1 });
  const opened = async () => metric(await gateway.metrics(), 'penstock_connections_opened_total');
  await waitFor('the handshake that stalls', async () => (await opened()) > 0);
  const before = await opened();
  for (const stream of [false, true]) {
    const label = `tls-${stream}`;
    const answer = await finish(await open(question(label, { stream }), agent));
    assert.deepEqual([answer.status, answer.whole], [200, true]);
    assert.equal(answer.sha256, (await upstream.served(label)).sha256);
  }
  assert.equal((await opened()) - before, 1);
  agent.destroy();
});

test('readers that stall over TLS get every byte, and the upstream is held back meanwhile', async () => {
  upstream.plan = () => ({ events: ANSWER_BYTES / 1_200, eventChars: 1_000, cutBytesMax: 60_000 });
  const responses = await Promise.all(
    Array.from({ length: READERS }, (_, i) => open(question(`stalled-${i}`, { stream: true }))),
  );
  const { promise: begin, resolve: beginReading } = Promise.withResolvers<void>();
  const readings = responses.map(async (response) => {
    await begin;
    const hash = createHash('sha256');
    response.on('data', (chunk: Buffer) => hash.update(chunk));
    await new Promise((resolve) => response.on('error', () => {}).once('close', resolve));
    return { sha256: hash.digest('hex'), whole: response.complete };
  });
  await waitFor('backpressure', async () => metric(await gateway.metrics(), 'penstock_backpressure_pauses_total') > 0);
  assert.equal(upstream.ledger.filter(({ label }) => label.startsWith('stalled')).length, 0);
  beginReading();
  for (const [i, reading] of (await within('all answers', 60_000, Promise.all(readings))).entries()) {
    assert.deepEqual(reading, { sha256: (await upstream.served(`stalled-${i}`)).sha256, whole: true });
  }
  upstream.plan = () => ({});
});

test('a handshake that never goes on is ended by the server', async () => {
  await within('the end of a stalled handshake', 15_000, stalledHandshakeEnd);
});

test('plain HTTP on the TLS port harms nobody', async () => {
  const socket = connect(Number(new URL(gateway.url).port), '127.0.0.1');
  socket.on('error', () => {});
  socket.write('GET /healthz HTTP/1.1\r\nhost: g\r\n\r\n');
  socket.resume();
  await within('the end of a connection without TLS', 15_000, once(socket, 'close'));
  assert.equal((await finish(await open(question('after')))).status, 200);
});

test('a start whose certificate cannot be read fails and says which', async () => {
  const tls = { certFile: '/nowhere/cert.pem', keyFile: ENCRYPTED };
  await assert.rejects(
    TestGateway.start({ catalog: {}, listen: { host: '127.0.0.1', port: 0, tls } }),
    /listen\.tls\.certFile: cannot read \/nowhere\/cert\.pem \(ENOENT\)/,
  );
});

test('a renewed certificate is served after SIGHUP, while a stream of before ends whole', async (t) => {
  const file = join(tempFolder(t), 'server.pem');
  copyFileSync(fixture('ca-signed.pem'), file);
  const renewing = await TestGateway.start({
    catalog: standardCatalog(upstream.url),
    listen: { host: '127.0.0.1', port: 0, tls: { certFile: file, keyFile: file } },
  });
  try {
    const gate = new AbortController();
    upstream.plan = ({ label }) => (label === 'long' ? { holdUntil: gate.signal } : {});
    const url = renewing.url;
    assert.equal(await issuerOf(url), 'Penstock test authority');
    const answering = openAt(url, question('long', { stream: true })).then(finish);
    await waitFor('the stream', () => upstream.received.some(({ label }) => label === 'long'));
    copyFileSync(fixture('self-signed.pem'), file);
    process.kill(renewing.pid, 'SIGHUP');
    answering.catch(() => {});
    await waitFor('the other certificate', async () => (await issuerOf(url)) === 'localhost', { boundMs: 90_000 });
    gate.abort();
    const answer = await answering;
    assert.deepEqual([answer.status, answer.whole], [200, true]);
    await renewing.replaced();
  } finally {
    upstream.plan = () => ({});
    await renewing.stop();
  }
});

/** Who signed the certificate that the next connection gets. */
async function issuerOf(url: string): Promise<string> {
  const socket = connectTls({ port: Number(new URL(url).port), host: '127.0.0.1', rejectUnauthorized: false });
  socket.on('error', () => {});
  await once(socket, 'secureConnect');
  const { issuer } = socket.getPeerCertificate();
  socket.destroy();
  return String(issuer.CN);
}
