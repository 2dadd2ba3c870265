/** What crosses the gateway: bytes, bodies, headers, connections. */
import assert from 'node:assert/strict';
import { Agent } from 'node:http';
import { after, before, test } from 'node:test';
import { closeAll } from '../support/close-all.ts';
import { account, KEY, standardCatalog, TestGateway } from '../support/gateway.ts';
import { type Answer, MODEL, pinToFronts, question, send } from '../support/http-client.ts';
import { metric } from '../support/metrics.ts';
import { Upstream } from '../support/upstream.ts';

const KEY_MAPPED = `${KEY}-mapped`;

let upstream: Upstream;
let gateway: TestGateway;

before(async () => {
  upstream = await Upstream.start();
  const catalog = standardCatalog(upstream.url);
  catalog['groups']!.push({ name: 'mapped', platform: 'anthropic', rateMultiplier: 1 });
  catalog['accounts']!.push(
    account('mapped', `${upstream.url}/some/prefix/`, { groups: ['mapped'], modelMap: { [MODEL]: 'house-model' } }),
  );
  catalog['keys']!.push({ user: 'u1', group: 'mapped', key: KEY_MAPPED });
  gateway = await TestGateway.start({ catalog });
});
after(async () => {
  await closeAll(
    () => gateway?.stop(),
    () => upstream?.close(),
  );
});

function ask(label: string, fields: object = {}, headers: Record<string, string> = {}): Promise<Answer> {
  return send(gateway.url, { key: KEY, body: question(label, fields), headers });
}

test('streams arrive byte for byte, however the upstream cuts them', async () => {
  for (const [index, cutBytesMax] of [1, 3, 50, 700, 20_000].entries()) {
    upstream.plan = () => ({ events: 60, eventChars: 40, thinking: true, tool: true, cutBytesMax });
    const answer = await ask(`cut-${index}`, { stream: true });
    const served = await upstream.served(`cut-${index}`);
    assert.equal(answer.whole, true);
    assert.equal(answer.body.length, served.bytes);
    assert.equal(answer.sha256, served.sha256, `pieces of at most ${cutBytesMax} bytes`);
  }
});

test('a huge event arrives unchanged', async () => {
  const data = `{"type":"content_block_delta","image":"${'A'.repeat(5_000_000)}"}`;
  const stop = 'event: message_stop\ndata: {"type":"message_stop"}\n\n';
  upstream.plan = () => ({
    body: Buffer.from(`event: content_block_delta\ndata: ${data}\n\n${stop}`),
    cutBytesMax: 65_536,
  });
  const answer = await ask('huge', { stream: true });
  assert.equal(answer.sha256, (await upstream.served('huge')).sha256);
  assert.equal(answer.whole, true);
});

test('bytes that are no SSE at all arrive unchanged, followed by an error event, never by a clean end', async () => {
  const body = Buffer.concat([
    Buffer.from('\ufeff: comment\r\ndata: {"a":\r\nevent\n\n'),
    Buffer.from([0xff, 0xc3, 0]),
  ]);
  const begun = new AbortController();
  upstream.plan = () => ({ body, cutBytesMax: 7, restAfter: begun.signal });
  const answer = await send(gateway.url, { key: KEY, body: question('odd', { stream: true }), begun });
  assert.equal(answer.status, 200);
  assert.ok(answer.body.subarray(0, body.length).equals(body));
  assert.match(answer.body.subarray(body.length).toString('utf8'), /^\n*event: error\ndata: .*\n\n$/);
  assert.equal(answer.whole, false);
});

test('JSON answers arrive byte for byte with a status and a content type', async () => {
  upstream.plan = () => ({ events: 500, eventChars: 200, cutBytesMax: 9_000 });
  const answer = await ask('json');
  const served = await upstream.served('json');
  assert.equal(answer.status, 200);
  assert.equal(answer.headers['content-type'], 'application/json');
  assert.equal(answer.sha256, served.sha256);
});

test('request bodies reach the upstream byte for byte, numbers, escapes and unknown fields included', async () => {
  upstream.plan = () => ({});
  const body = `{ "model":"${MODEL}" , "max_tokens":1e2,"temperature":0.10000000000000000001,
    "messages":[{"role":"user","content":"\\ud83d \\u00e9 é 🚰"}],"unknown_field":{"b":1,"a":[12345678901234567890]}}`;
  await send(gateway.url, { key: KEY, body });
  assert.equal(upstream.received.at(-1)!.body.toString('utf8'), body);
});

test('a mapped model is spliced into the body and nothing else of it changes', async () => {
  upstream.plan = () => ({});
  const body = `{"messages":[{"role":"user","content":"model ${MODEL}"}],"model" : "${MODEL}","max_tokens":5}`;
  await send(gateway.url, { key: KEY_MAPPED, body });
  const seen = upstream.received.at(-1)!;
  assert.equal(seen.body.toString('utf8'), body.replace(`"model" : "${MODEL}"`, '"model" : "house-model"'));
  assert.equal(seen.headers['content-length'], String(seen.body.length));
  assert.equal(seen.url, '/some/prefix/v1/messages');
});

test('errors about the request pass with body, status and type of the upstream', async () => {
  for (const status of [400, 404, 413, 422]) {
    upstream.plan = () => ({ status, headers: { 'x-should-retry': 'false' } });
    const answer = await ask(`pass-${status}`);
    const served = await upstream.served(`pass-${status}`);
    assert.equal(answer.status, status);
    assert.equal(answer.sha256, served.sha256);
    assert.equal(answer.headers['x-should-retry'], 'false');
  }
});

test('credentials, cookies, addresses and hop-by-hop headers of a client never reach an upstream', async () => {
  upstream.plan = () => ({});
  const secrets = {
    authorization: `Bearer ${KEY}`,
    cookie: 'session=secret',
    'x-goog-api-key': 'secret',
    'proxy-authorization': 'Basic secret',
    'x-forwarded-for': '10.1.2.3',
    'x-real-ip': '10.1.2.3',
    forwarded: 'for=10.1.2.3',
    'accept-encoding': 'gzip, br',
    te: 'trailers',
    'x-anything': 'else',
  };
  const kept = {
    'anthropic-version': '2023-06-01',
    'anthropic-beta': 'one,two',
    'user-agent': 'tester/1',
    'x-app': 'cli',
    'x-stainless-lang': 'js',
  };
  await send(gateway.url, {
    path: '/v1/messages?beta=true&key=secret&api_key=secret',
    key: KEY,
    body: question('headers'),
    headers: { ...secrets, ...kept },
  });
  const { headers, rawHeaders, url } = upstream.received.at(-1)!;
  assert.equal(headers['x-api-key'], 'sk-up-a1');
  assert.equal(headers['accept-encoding'], 'identity');
  for (const [name, value] of Object.entries(kept)) assert.equal(headers[name], value);
  assert.doesNotMatch(rawHeaders.join('\n'), /secret|10\.1\.2\.3|sk-ps-|x-anything|trailers/);
  assert.equal(url, '/v1/messages?beta=true');
});

test("an account's quota, ids, cookies and server headers never reach a client", async () => {
  const theirs = {
    'anthropic-ratelimit-requests-remaining': '17',
    'anthropic-ratelimit-unified-status': 'allowed',
    'anthropic-organization-id': 'org-secret',
    'x-ratelimit-remaining-requests': '17',
    'set-cookie': 'a=b',
    'retry-after': '5',
    server: 'upstream/1',
    'x-upstream-internal': 'yes',
  };
  upstream.plan = () => ({ headers: theirs });
  for (const stream of [false, true]) {
    const answer = await ask('quota', { stream });
    for (const [name, value] of Object.entries(theirs)) assert.notEqual(String(answer.headers[name]), value, name);
    assert.match(String(answer.headers['content-type']), stream ? /^text\/event-stream/ : /^application\/json/);
  }
});

test('every answer has an id of our own that sorts by time; a client cannot choose it', async () => {
  upstream.plan = () => ({});
  const first = await ask('id-1', {}, { 'x-request-id': 'mine' });
  const second = await send(gateway.url, { key: 'wrong', body: question('id-2') });
  const uuid7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
  assert.match(first.requestId, uuid7);
  assert.match(second.requestId, uuid7);
  assert.ok(second.requestId > first.requestId);
  assert.equal(first.headers['request-id'], undefined, 'request-id is only on answers made by the gateway');
  assert.equal(second.headers['request-id'], second.requestId);
  assert.equal(second.json().request_id, second.requestId);
});

test('connections of clients are kept alive and say for how long', async () => {
  upstream.plan = () => ({});
  const [pinned] = await pinToFronts(gateway.url, 1);
  const { agent, front } = pinned!;
  for (let i = 0; i < 20; i++) {
    const answer = await send(gateway.url, { key: KEY, body: question('keep-alive', { stream: i % 2 === 0 }), agent });
    assert.equal(answer.front, front);
    assert.match(String(answer.headers['keep-alive']), /timeout=8/);
  }
  assert.equal(Object.values(agent.sockets).flat().length + Object.values(agent.freeSockets).flat().length, 1);
  agent.destroy();
});

test('under steady load fewer than one request in a hundred opens a connection to the upstream', async () => {
  upstream.plan = () => ({ events: 1 });
  const agent = new Agent({ keepAlive: true, maxSockets: 6 });
  const connectionsBefore = upstream.connections;
  const counted = await gateway.metrics();
  const requests = 1200;
  let next = 0;
  await Promise.all(
    Array.from({ length: 6 }, async () => {
      while (next++ < requests) {
        const answer = await send(gateway.url, { key: KEY, body: question('steady'), agent });
        assert.equal(answer.status, 200);
      }
    }),
  );
  agent.destroy();
  const opened = upstream.connections - connectionsBefore;
  assert.ok(opened < requests / 100, `${opened} connections for ${requests} requests`);
  const after = await gateway.metrics();
  const name = 'penstock_upstream_connects_total';
  assert.equal(metric(after, name) - metric(counted, name), opened, 'the metric agrees with the upstream');
});

test('every body byte is scanned exactly once', async () => {
  upstream.plan = () => ({ events: 1 });
  const before = await gateway.metrics();
  let bytes = 0;
  for (const size of [0, 1_000, 200_000, 3_000_000]) {
    const body = Buffer.from(JSON.stringify(question('scan', { system: 'x'.repeat(size) })));
    bytes += body.length;
    assert.equal((await send(gateway.url, { key: KEY, body })).status, 200);
  }
  const after = await gateway.metrics();
  const grown = (name: string): number => metric(after, name) - metric(before, name);
  assert.equal(grown('penstock_request_bytes_total'), bytes);
  assert.equal(grown('penstock_scanned_bytes_total'), bytes);
});

test('healthz answers on the data port without a key', async () => {
  const answer = await send(gateway.url, { method: 'GET', path: '/healthz' });
  assert.equal(answer.status, 200);
});

test('what a client calls its JSON does not matter, as long as it can be JSON', async () => {
  upstream.plan = () => ({});
  for (const type of ['application/json; charset=utf-8', 'text/plain', 'application/x-www-form-urlencoded']) {
    const answer = await ask('typed', {}, { 'content-type': type });
    assert.equal(answer.status, 200, type);
    assert.equal(upstream.received.at(-1)!.headers['content-type'], type);
  }
});
