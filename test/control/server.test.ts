/** The control port: who may ask what, and how it refuses. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, beforeEach, test } from 'node:test';
import { StartupError } from '#base/startup-error.ts';
import { startControlServer } from '#control/server.ts';
import { FakeGateway, TOKEN } from '../support/fake-gateway.ts';
import { MemoryStore } from '../support/memory-store.ts';

const gateway = await FakeGateway.start();
after(() => gateway.server.close());
beforeEach(() => {
  Object.assign(gateway.store, new MemoryStore());
  gateway.published.length = 0;
});

async function errorOf(response: Response, status: number): Promise<{ message: string; problems?: string[] }> {
  const body = (await response.json()) as { error: { message: string; problems?: string[] } };
  assert.equal(response.status, status, JSON.stringify(body));
  return body.error;
}

test('health, readiness and metrics need no token; readiness says why not', async () => {
  assert.equal((await gateway.call('GET', '/healthz', undefined, {})).status, 200);
  assert.equal((await gateway.call('GET', '/metrics', undefined, {})).status, 200);
  const ready = await gateway.call('GET', '/readyz', undefined, {});
  assert.equal(ready.status, 200);
  gateway.state = { ready: false, reasons: ['draining'] };
  const draining = await gateway.call('GET', '/readyz', undefined, {});
  gateway.state = { ready: true, reasons: [] };
  assert.equal(draining.status, 503);
  assert.deepEqual(await draining.json(), { ready: false, reasons: ['draining'] });
});

test('everything else wants the whole admin token, also for paths that do not exist', async () => {
  for (const authorization of ['', 'Bearer', `Bearer ${TOKEN}x`, `Bearer ${TOKEN.slice(1)}`, `Basic ${TOKEN}`, TOKEN]) {
    for (const path of ['/admin/v1/users', '/nowhere']) {
      const headers: Record<string, string> = authorization === '' ? {} : { authorization };
      await errorOf(await gateway.call('GET', path, undefined, headers), 401);
    }
  }
  assert.equal(gateway.store.calls, 0);
});

test('unknown paths and wrong methods are told apart', async () => {
  await errorOf(await gateway.call('GET', '/admin/v1/nothing'), 404);
  await errorOf(await gateway.call('GET', '/admin/v1/users/u1/more'), 404);
  const wrong = await errorOf(await gateway.call('DELETE', '/admin/v1/users'), 405);
  assert.equal(wrong.message, 'this path takes GET, POST');
});

test('bodies are bounded, JSON, and held to the schema with a sentence for each fault', async () => {
  await errorOf(await gateway.call('POST', '/admin/v1/users', `{"name":"${'x'.repeat(70_000)}"}`), 413);
  await errorOf(await gateway.call('POST', '/admin/v1/users', '{"name":'), 400);
  const { problems } = await errorOf(await gateway.call('POST', '/admin/v1/users', { nme: 'u', concurrency: 0 }), 400);
  assert.deepEqual(problems?.sort(), [
    'concurrency: expected a whole number from 1 to 65535, got 0',
    'name: expected a name: 1 to 64 letters, digits, dots, dashes and underscores, starting with a letter or digit, it is missing',
    'nme: unknown key, did you mean name?',
  ]);
  await errorOf(await gateway.call('POST', '/admin/v1/users'), 400);
});

test('a chunked body beyond the bound is refused while it arrives', async () => {
  const socket = connect({ host: '127.0.0.1', port: gateway.server.port });
  let answer = '';
  socket.on('data', (chunk) => {
    answer += chunk.toString();
  });
  socket.on('error', () => {});
  const closed = new Promise((resolve) => socket.once('close', resolve));
  const head = `POST /admin/v1/users HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${TOKEN}\r\ntransfer-encoding: chunked\r\n\r\n`;
  socket.write(`${head}14000\r\n${' '.repeat(0x14000)}\r\n`);
  await closed;
  assert.match(answer, /^HTTP\/1\.1 413 /);
  assert.match(answer, /connection: close/i);
});

test('a user is made once, brought up to date afterwards, and listed in one statement', async () => {
  const wish = { name: 'u1', balanceUsd: '12.5', concurrency: 3 };
  assert.equal((await gateway.call('POST', '/admin/v1/users', wish)).status, 201);
  assert.equal((await gateway.call('POST', '/admin/v1/users', { ...wish, concurrency: 4 })).status, 200);
  const before = gateway.store.calls;
  const listing = (await (await gateway.call('GET', '/admin/v1/users')).json()) as { users: Record<string, unknown>[] };
  assert.equal(gateway.store.calls - before, 1);
  assert.equal(listing.users.length, 1);
  const { name, concurrency, balanceUsd, balanceNanoUsd } = listing.users[0]!;
  assert.deepEqual([name, concurrency, balanceUsd, balanceNanoUsd], ['u1', 4, '12.50', '12500000000']);
});

test('every change of the catalog is published before it is answered', async () => {
  await gateway.call('POST', '/admin/v1/groups', { name: 'g' });
  await gateway.call('POST', '/admin/v1/users', { name: 'u' });
  await gateway.call('POST', '/admin/v1/accounts', {
    name: 'a',
    baseUrl: 'http://127.0.0.1:1',
    apiKey: 'k',
    groups: ['g'],
  });
  await gateway.call('PATCH', '/admin/v1/accounts/a', { status: 'disabled' });
  const made = (await (await gateway.call('POST', '/admin/v1/keys', { user: 'u', group: 'g' })).json()) as {
    key: string;
  };
  await gateway.call('POST', '/admin/v1/keys/revoke', { key: made.key });
  const hash = gateway.store.keys[0]!.keyHash;
  assert.deepEqual(gateway.published, [[], [], [], [], [hash], [hash]]);
});

test('a key is shown once: no listing holds it, nor an account its credential', async () => {
  await gateway.call('POST', '/admin/v1/groups', { name: 'g' });
  await gateway.call('POST', '/admin/v1/users', { name: 'u' });
  const account = { name: 'a', baseUrl: 'http://127.0.0.1:1', apiKey: 'sk-up-secret' };
  await gateway.call('POST', '/admin/v1/accounts', account);
  const { key } = (await (await gateway.call('POST', '/admin/v1/keys', { user: 'u', group: 'g' })).json()) as {
    key: string;
  };
  assert.match(key, /^sk-ps-/);
  for (const path of ['users', 'groups', 'accounts', 'keys', 'doctor']) {
    const text = await (await gateway.call('GET', `/admin/v1/${path}`)).text();
    assert.ok(
      !text.includes(key) && !text.includes('sk-up-secret') && !text.includes(gateway.store.keys[0]!.keyHash),
      path,
    );
  }
});

test('a key is revoked by itself, its id or a prefix of its own; a shared prefix revokes none', async () => {
  await gateway.call('POST', '/admin/v1/groups', { name: 'g' });
  await gateway.call('POST', '/admin/v1/users', { name: 'u' });
  const keys: string[] = [];
  for (let i = 0; i < 3; i++) {
    const made = await gateway.call('POST', '/admin/v1/keys', { user: 'u', group: 'g' });
    keys.push(((await made.json()) as { key: string }).key);
  }
  const revoke = (key: string) => gateway.call('POST', '/admin/v1/keys/revoke', { key });
  await errorOf(await revoke('sk-ps-'), 409);
  assert.ok(gateway.store.keys.every((key) => key.status === 'active'));
  await errorOf(await revoke('sk-ps-nosuchkey'), 404);
  assert.equal((await revoke(keys[0]!)).status, 200);
  assert.equal((await revoke('2')).status, 200);
  assert.equal((await revoke(keys[2]!.slice(0, 12))).status, 200);
  assert.ok(gateway.store.keys.every((key) => key.status === 'revoked'));
});

test('names that do not exist are said so', async () => {
  assert.equal(
    (await errorOf(await gateway.call('POST', '/admin/v1/keys', { user: 'u', group: 'g' }), 404)).message,
    'there is no group named g',
  );
  const account = { name: 'a', baseUrl: 'http://127.0.0.1:1', apiKey: 'k', groups: ['none'] };
  await errorOf(await gateway.call('POST', '/admin/v1/accounts', account), 404);
  await errorOf(await gateway.call('PATCH', '/admin/v1/accounts/none', { status: 'active' }), 404);
  await errorOf(await gateway.call('POST', '/admin/v1/accounts/none/test'), 404);
});

test('PostgreSQL away is a 503, a bug a 500 whose details stay in the log', async () => {
  gateway.store.fault = Object.assign(new Error('connect'), { code: 'ECONNREFUSED' });
  await errorOf(await gateway.call('GET', '/admin/v1/users'), 503);
  gateway.store.fault = new Error('inner detail');
  const { message } = await errorOf(await gateway.call('GET', '/admin/v1/users'), 500);
  assert.doesNotMatch(message, /inner detail/);
  assert.match(gateway.logged.at(-1)!, /inner detail/);
});

test('a flush that cannot be is a 503 with its reason', async () => {
  assert.equal((await gateway.call('POST', '/admin/v1/flush')).status, 200);
  gateway.flushFault = new Error('database away');
  const { message } = await errorOf(await gateway.call('POST', '/admin/v1/flush'), 503);
  gateway.flushFault = null;
  assert.match(message, /database away/);
});

test('a port in use is a readable refusal to start', async () => {
  await assert.rejects(
    startControlServer({ host: '127.0.0.1', port: gateway.server.port, token: 'x', context: gateway }),
    (error) => error instanceof StartupError && /cannot listen on 127\.0\.0\.1:\d+ \(EADDRINUSE\)/.test(error.message),
  );
});
