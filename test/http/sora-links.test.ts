/** What a signed link serves: the file, parts of it, its head, to readers of any speed, and nothing of the account. */
import assert from 'node:assert/strict';
import { Agent } from 'node:http';
import { after, before, beforeEach, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { closeAll } from '../support/close-all.ts';
import { KEY, type TestGateway } from '../support/gateway.ts';
import { type Answer, type Call, finish, open, pinToFronts, send } from '../support/http-client.ts';
import { askMedia, startMediaGateway } from '../support/media-gateway.ts';
import { FILE, MediaUpstream } from '../support/media-upstream.ts';
import { waitFor } from '../support/wait-for.ts';

const BIG = 64 * 1024 * 1024;

let upstream: MediaUpstream;
/** Where accounts put pictures: no account's own. */
let files: MediaUpstream;
let gateway: TestGateway;
let path: string;

before(async () => {
  upstream = await MediaUpstream.start();
  files = await MediaUpstream.start();
  gateway = await startMediaGateway([upstream.url]);
  path = await linkOf('a file');
});
after(async () => {
  await closeAll(
    () => gateway?.stop(),
    () => upstream?.close(),
    () => files?.close(),
  );
});
beforeEach(() => {
  upstream.plan = () => ({});
  upstream.files.length = 0;
  files.files.length = 0;
  files.fileStatus = 200;
});

async function linkOf(prompt: string, fields: object = {}): Promise<string> {
  const answer = await askMedia(gateway, prompt, fields);
  assert.equal(answer.status, 200, answer.body.toString());
  const { pathname, search } = new URL((answer.json() as unknown as { media_url: string }).media_url);
  return pathname + search;
}

function ask(method: string, headers: Record<string, string> = {}, call: Call = {}): Promise<Answer> {
  return send(gateway.url, { method, path, headers, ...call });
}

/** Of the answer, without what is different each time. */
function headOf({ status, headers }: Answer): object {
  const { 'content-type': type, 'content-length': length, 'accept-ranges': accepts, 'content-range': range } = headers;
  return { status, type, length, accepts, range };
}

const WHOLE = {
  status: 200,
  type: 'video/mp4',
  length: String(FILE.length),
  accepts: 'bytes',
  range: undefined,
};

test('GET: the file with its type and length, and no header of the account', async () => {
  const answer = await ask('GET');
  assert.deepEqual(headOf(answer), WHOLE);
  assert.ok(answer.whole && answer.body.equals(FILE));
  assert.equal(answer.headers['transfer-encoding'], undefined);
  assert.equal(answer.headers['x-content-type-options'], 'nosniff');
  for (const name of ['openai-organization', 'x-ratelimit-remaining-requests', 'set-cookie'])
    assert.equal(answer.headers[name], undefined, name);
});

const RANGES: [range: string, start: number, end: number][] = [
  ['bytes=0-0', 0, 1],
  ['bytes=100-199', 100, 200],
  ['bytes=400000-', 400_000, FILE.length],
  ['bytes=-10', FILE.length - 10, FILE.length],
  ['bytes=419990-99999999', 419_990, FILE.length],
];
for (const [range, start, end] of RANGES) {
  test(`a range: ${range}`, async () => {
    const answer = await ask('GET', { range });
    const said = { length: String(end - start), range: `bytes ${start}-${end - 1}/${FILE.length}` };
    assert.deepEqual(headOf(answer), { ...WHOLE, status: 206, ...said });
    assert.ok(answer.whole && answer.body.equals(FILE.subarray(start, end)));
    assert.deepEqual(
      upstream.files.map(({ headers }) => headers.range),
      [range],
    );
  });
}

test('a range behind the end of the file: 416 and its length', async () => {
  const answer = await ask('GET', { range: 'bytes=99999999-' });
  assert.deepEqual([answer.status, answer.headers['content-range']], [416, `bytes */${FILE.length}`]);
  assert.equal(answer.body.length, 0);
});

for (const headers of [
  { range: 'bytes=0-1,5-6' },
  { range: 'lines=1-2' },
  { range: 'bytes=1-0x5' },
  { range: 'bytes=0-9', 'if-range': '"a mark that nobody gave"' },
]) {
  test(`answered with the whole file: ${JSON.stringify(headers)}`, async () => {
    assert.deepEqual(headOf(await ask('GET', headers as Record<string, string>)), WHOLE);
    assert.equal(upstream.files[0]!.headers.range, undefined);
  });
}

test('HEAD: the head of GET, no body, and the connection serves the next request', async () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  try {
    const head = await ask('HEAD', { range: 'bytes=0-9' }, { agent });
    assert.deepEqual([headOf(head), head.body.length], [WHOLE, 0]);
    const next = await ask('GET', { range: 'bytes=0-9' }, { agent });
    assert.deepEqual([next.status, next.body.toString()], [206, FILE.subarray(0, 10).toString()]);
    assert.equal(next.front, head.front);
  } finally {
    agent.destroy();
  }
  await gateway.assertIdle();
});

test('HEAD of a refused link has no body either', async () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  try {
    const refused = await ask('HEAD', {}, { agent, path: path.replace(/.$/, '_') });
    assert.deepEqual([refused.status, refused.body.length], [401, 0]);
    assert.ok(Number(refused.headers['content-length']) > 0);
    assert.equal((await ask('HEAD', {}, { agent })).status, 200);
  } finally {
    agent.destroy();
  }
});

test('other methods: 405 and what is allowed', async () => {
  for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']) {
    const answer = await ask(method);
    assert.deepEqual([answer.status, answer.headers['allow']], [405, 'GET, HEAD'], method);
  }
  assert.equal(upstream.files.length, 0);
});

test('a link serves on every front', async () => {
  const pinned = await pinToFronts(gateway.url, 3);
  for (const { agent } of pinned) {
    const answer = await ask('GET', { range: 'bytes=5-9' }, { agent, headers: { range: 'bytes=5-9' } });
    assert.equal(answer.body.toString(), FILE.subarray(5, 10).toString());
    agent.destroy();
  }
});

test('a reader that stops holds the account back, and gets the whole file when it goes on', async () => {
  upstream.plan = () => ({ fileBytes: BIG });
  const big = await linkOf('a big file');
  const response = await open(gateway.url, { method: 'GET', path: big });
  assert.equal(response.headers['content-length'], String(BIG));
  response.pause();
  const file = upstream.files.at(-1)!;
  let seen = -1;
  await waitFor('the account to be held back', () => {
    const still = file.sentBytes === seen;
    seen = file.sentBytes;
    return still;
  });
  assert.ok(seen < BIG / 2, `${seen} of ${BIG} bytes were taken from the account`);
  const held = (await gateway.metrics()).get('penstock_stream_bytes_held') ?? 0;
  assert.ok(held < 1024 * 1024, `${held} bytes are held`);
  let bytes = 0;
  response.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
  });
  response.resume();
  await waitFor('the rest', () => bytes === BIG);
  await gateway.assertIdle();
});

test('a reader that leaves ends the download at the account', async () => {
  upstream.plan = () => ({ fileBytes: BIG });
  const big = await linkOf('a left file');
  const response = await open(gateway.url, { method: 'GET', path: big });
  response.destroy();
  const file = await waitFor('the end', () => upstream.files.find(({ closed }) => closed));
  assert.ok(file.sentBytes < BIG);
  await gateway.assertIdle();
});

test('readers at once, of parts on several fronts, get each their own', async () => {
  const answers = await Promise.all(
    Array.from({ length: 12 }, async (_, part) => {
      const start = part * 30_000;
      const answer = await ask('GET', { range: `bytes=${start}-${start + 29_999}` });
      return answer.body.equals(FILE.subarray(start, start + 30_000));
    }),
  );
  assert.ok(answers.every(Boolean));
});

test('what is asked of the account is its own credential and the range, nothing of the reader', async () => {
  await ask('GET', { authorization: `Bearer ${KEY}`, cookie: 'a=b', 'user-agent': 'a player' });
  const { headers } = upstream.files[0]!;
  assert.equal(headers.authorization, 'Bearer sk-up-m0');
  assert.deepEqual([headers.cookie, headers['user-agent']], [undefined, undefined]);
});

test('an answer that breaks off is not taken for the whole file', async () => {
  upstream.plan = () => ({ fileBytes: BIG });
  const big = await linkOf('a broken file');
  const response = await open(gateway.url, { method: 'GET', path: big });
  upstream.breakFiles();
  const { whole } = await finish(response);
  assert.equal(whole, false);
});

test("an account's own refusal of a file leaves with the length of what it says, also where it came compressed", async () => {
  const said = JSON.stringify({ error: { message: `It has expired. ${'More of it. '.repeat(1_250)}` } });
  const body = gzipSync(said);
  const headers = { 'content-type': 'application/json', 'content-encoding': 'gzip', 'content-length': body.length };
  upstream.plan = () => ({ refuseFile: { status: 400, headers, body } });
  const refused = await linkOf('a refused file');
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  try {
    for (let i = 0; i < 2; i++) {
      const answer = await send(gateway.url, { method: 'GET', path: refused, agent });
      assert.deepEqual([answer.status, answer.body.toString()], [400, said]);
    }
  } finally {
    agent.destroy();
  }
});

/** A link to a picture that the account has put at this address. */
async function pictureAt(url: string, prompt: string): Promise<string> {
  upstream.plan = () => ({ url });
  return await linkOf(prompt, { model: 'gpt-image' });
}

test('a picture that the account gives by address is read through a link of ours, which does not hold the address', async () => {
  const link = await pictureAt(`${files.url}/files/a.png?sig=of-the-store`, 'a picture elsewhere');
  assert.match(link, /^\/sora\/media\/[0-9a-f-]{36}\?expires=\d+&sig=[\w-]+$/);
  const answer = await ask('GET', {}, { path: link });
  assert.deepEqual(headOf(answer), { ...WHOLE, type: 'image/png' });
  assert.ok(answer.body.equals(FILE));
  const [asked] = files.files;
  assert.equal(asked!.path, '/files/a.png?sig=of-the-store');
  assert.equal(asked!.headers.authorization, undefined);
  assert.equal(asked!.headers.host, new URL(files.url).host);
  const part = await ask('GET', { range: 'bytes=7-9' }, { path: link });
  assert.deepEqual([part.status, part.body.toString()], [206, FILE.subarray(7, 10).toString()]);
  assert.equal((await ask('HEAD', {}, { path: link })).headers['content-length'], String(FILE.length));
  await gateway.assertIdle();
});

test('several pictures have a link each; those in the answer stay there', async () => {
  upstream.plan = () => ({ pictures: [`${files.url}/files/1.png`, '', `${files.url}/files/3.png`] });
  const answer = await askMedia(gateway, 'three pictures', { model: 'gpt-image' });
  const { media_urls: urls } = answer.json() as unknown as { media_urls: string[] };
  assert.deepEqual([urls.length, urls[1]], [3, 'data:image/png;base64,aW1hZ2U=']);
  for (const index of [0, 2]) {
    const { pathname, search } = new URL(urls[index]!);
    assert.equal((await ask('GET', {}, { path: pathname + search })).status, 200);
  }
  assert.deepEqual(
    files.files.map(({ path: asked }) => asked),
    ['/files/1.png', '/files/3.png'],
  );
});

for (const [status, seen, message] of [
  [403, 404, /nothing to be had at this link/],
  [404, 404, /nothing to be had at this link/],
  [302, 502, /upstream/],
  [500, 502, /upstream/],
] as const) {
  test(`a store of pictures that answers ${status}: ${seen}, and the account does not rest`, async () => {
    const link = await pictureAt(`${files.url}/files/gone.png`, `gone with ${status}`);
    files.fileStatus = status;
    for (let i = 0; i < 4; i++) {
      const answer = await ask('GET', {}, { path: link });
      assert.equal(answer.status, seen);
      assert.match(answer.json().error.message, message);
      assert.equal(answer.headers['location'], undefined);
    }
    assert.equal((await ask('GET')).status, 200);
  });
}

test('a store of pictures that is not there: 502, and the account does not rest', async () => {
  const away = await MediaUpstream.start();
  const link = await pictureAt(`${away.url}/files/a.png`, 'a store that left');
  await away.close();
  for (let i = 0; i < 4; i++) assert.equal((await ask('GET', {}, { path: link })).status, 502);
  assert.equal((await ask('GET')).status, 200);
  await gateway.assertIdle();
});
