/** Reference pictures are fetched from the public internet only, whatever names and redirects say. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { type Fetched, fetchReference } from '#jobs/fetch-reference.ts';

const PNG = Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), Buffer.alloc(100)]);
const RULES = { fetchPrivate: true, bytesMax: 1000, timeoutMs: 20_000 };
const never = new AbortController().signal;

async function serve(t: TestContext, answer: RequestListener): Promise<string> {
  const server = createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function reasonOf(fetched: Fetched): string {
  assert.ok('reason' in fetched, 'it was fetched');
  return fetched.reason;
}

test('a picture is fetched, over up to three redirects', async (t) => {
  const base = await serve(t, (request, response) => {
    const hop = Number(request.url!.slice(1));
    if (hop > 0) response.writeHead(302, { location: `/${hop - 1}` }).end();
    else response.writeHead(200).end(PNG);
  });
  for (const hops of [0, 3]) {
    const fetched = await fetchReference(`${base}/${hops}`, RULES, never);
    assert.ok('bytes' in fetched && PNG.equals(fetched.bytes) && fetched.type === 'image/png');
  }
  assert.match(reasonOf(await fetchReference(`${base}/4`, RULES, never)), /redirects more than 3 times/);
});

test('private addresses are not asked, by number, by name, or in other notations', async (t) => {
  let requests = 0;
  const base = await serve(t, (_request, response) => {
    requests++;
    response.end(PNG);
  });
  const { port } = new URL(base);
  const strict = { ...RULES, fetchPrivate: false };
  const hosts = [
    '127.0.0.1',
    'localhost',
    '[::1]',
    '[::ffff:127.0.0.1]',
    '2130706433',
    '0x7f000001',
    '127.1',
    '0.0.0.0',
  ];
  for (const host of hosts) {
    assert.match(
      reasonOf(await fetchReference(`http://${host}:${port}/`, strict, never)),
      /not on the public internet/,
      host,
    );
  }
  assert.equal(requests, 0);
});

test('user names and other schemes are refused, also behind a redirect', async (t) => {
  const base = await serve(t, (request, response) => {
    const location = request.url === '/user' ? 'http://user:secret@127.0.0.1/' : 'file:///etc/passwd';
    response.writeHead(307, { location }).end();
  });
  assert.match(reasonOf(await fetchReference('http://user@127.0.0.1/', RULES, never)), /holds a user name/);
  assert.match(reasonOf(await fetchReference(`${base}/user`, RULES, never)), /holds a user name/);
  assert.match(reasonOf(await fetchReference(`${base}/file`, RULES, never)), /neither http nor https/);
});

test('what is too large, too slow, no picture or not there is refused without a word of what it was', async (t) => {
  const base = await serve(t, (request, response) => {
    if (request.url === '/large') response.end(Buffer.alloc(5000));
    else if (request.url === '/text') response.end('root:x:0:0');
    else if (request.url === '/gone') response.writeHead(404).end('secret');
    else response.writeHead(200).write('x');
  });
  const read = async (path: string, rules = RULES): Promise<string> =>
    reasonOf(await fetchReference(base + path, rules, never));
  assert.equal(await read('/large'), 'It is larger than 1000 bytes.');
  assert.equal(await read('/text'), 'It is neither PNG, JPEG nor WebP.');
  assert.equal(await read('/gone'), 'Its host answers with status 404.');
  assert.equal(await read('/slow', { ...RULES, timeoutMs: 150 }), 'It could not be fetched.');
});
