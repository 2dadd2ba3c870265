/** Bounds of media jobs, and what a link or a reference picture cannot reach. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, beforeEach, test } from 'node:test';
import { signMediaLink } from '#auth/media-link.ts';
import { readSecrets } from '#control/secrets-file.ts';
import { closeAll } from '../support/close-all.ts';
import type { TestGateway } from '../support/gateway.ts';
import { finish, open, send } from '../support/http-client.ts';
import { askMedia, assertChargedOnce, mediaRows, openMedia, startMediaGateway } from '../support/media-gateway.ts';
import { FILE, MediaUpstream } from '../support/media-upstream.ts';
import { connectEmbedded } from '../support/test-postgres.ts';
import { waitFor } from '../support/wait-for.ts';

const PNG = Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), Buffer.alloc(40)]);
const LINK_MS = 60_000;
const EMPTY_ID = '01900000-0000-7000-8000-000000000000';

let upstream: MediaUpstream;
let pictures: Server;
let strict: TestGateway;

before(async () => {
  upstream = await MediaUpstream.start();
  pictures = createServer((_request, response) => response.end(PNG)).listen(0, '127.0.0.1');
  await once(pictures, 'listening');
  const bounds = { jobsMax: 2, deadlineMs: 4000, fetchPrivate: false, linkMs: LINK_MS, media: 'passthrough' };
  strict = await startMediaGateway([upstream.url], bounds);
});
after(async () => {
  await closeAll(
    () => strict?.stop(),
    () => upstream?.close(),
    async () => pictures?.close(),
  );
});
beforeEach(() => {
  upstream.plan = () => ({});
});

function pictureUrl(): string {
  return `http://127.0.0.1:${(pictures.address() as AddressInfo).port}/p.png`;
}

test('a reference picture on a private address is not fetched, and no job is made', async () => {
  const answer = await askMedia(strict, 'with a private picture', { image: pictureUrl() });
  assert.equal(answer.status, 400);
  assert.match(
    answer.json().error.message,
    /^The reference image cannot be used\. Its host is not on the public internet\.$/,
  );
  assert.equal(upstream.made('with a private picture').length, 0);
});

test('a job that is not done by its deadline has failed, is not charged, and its places are free', async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  upstream.plan = () => ({ doneAfter: promise });
  const answer = await askMedia(strict, 'too slow');
  resolve();
  assert.deepEqual([answer.status, answer.json().error.message], [504, 'The job was not done in time.']);
  const { id } = upstream.made('too slow')[0]!;
  assert.equal((await mediaRows(strict)).has(id), false);
  await strict.assertIdle();
});

test('beyond the most jobs under way the next is refused; one that ends makes room', async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  upstream.plan = () => ({ doneAfter: promise });
  const running = [askMedia(strict, 'first of two'), askMedia(strict, 'second of two')];
  await waitFor('two jobs', () => upstream.made('first of two').length + upstream.made('second of two').length === 2);
  const refused = await askMedia(strict, 'one too many');
  assert.deepEqual([refused.status, refused.headers['retry-after']], [503, '1']);
  assert.match(refused.json().error.message, /as many media jobs under way/);
  resolve();
  for (const answer of await Promise.all(running)) assert.equal(answer.status, 200);
  assert.equal((await askMedia(strict, 'room again')).status, 200);
});

test('whoever has an answer has room for the next, though charges are slow to be written; those in writing are bounded', async () => {
  await strict.flush();
  const database = connectEmbedded(strict.dataDir);
  const slow = ['slow 1', 'slow 2', 'slow 3', 'slow 4'];
  await database.begin(async (tx) => {
    await tx`lock table usage_logs in share row exclusive mode`;
    for (const prompt of slow) assert.equal((await askMedia(strict, prompt)).status, 200);
    assert.equal((await askMedia(strict, 'slow 5')).status, 503);
  });
  await database.end();
  for (const prompt of slow) await assertChargedOnce(strict, upstream.made(prompt)[0]!.id);
  await waitFor('room', async () => (await askMedia(strict, 'slow no more')).status === 200);
});

test("passthrough: the upstream's own address where it gives one, else a link of ours, which expires", async () => {
  upstream.plan = () => ({ url: 'https://files.example/a.mp4' });
  const given = await askMedia(strict, 'given away');
  assert.equal((given.json() as unknown as { media_url: string }).media_url, 'https://files.example/a.mp4');
  upstream.plan = () => ({});
  const askedMs = Date.now();
  const ours = await askMedia(strict, 'ours');
  const { pathname, search } = new URL((ours.json() as unknown as { media_url: string }).media_url);
  const expiresMs = 1000 * Number(new URLSearchParams(search).get('expires'));
  assert.ok(expiresMs >= askedMs + LINK_MS && expiresMs < Date.now() + LINK_MS + 1000, search);
  const file = await send(strict.url, { method: 'GET', path: pathname + search });
  assert.ok(file.status === 200 && file.body.equals(FILE));
  const key = readSecrets(strict.dataDir).linkKey!;
  const endedPath = signMediaLink(key, pathname.split('/').at(-1)!, Math.floor(Date.now() / 1000));
  const expired = await send(strict.url, { method: 'GET', path: endedPath });
  assert.equal(expired.status, 401);
  assert.match(expired.json().error.message, /not valid, or it has expired/);
});

test('pictures: passed through by their address, and one on a private address is not read through a link', async () => {
  upstream.plan = () => ({ url: pictureUrl() });
  const answer = await askMedia(strict, 'a private picture made', { model: 'gpt-image' });
  assert.equal((answer.json() as unknown as { media_url: string }).media_url, pictureUrl());
  const key = readSecrets(strict.dataDir).linkKey!;
  const path = signMediaLink(key, answer.requestId, Math.floor(Date.now() / 1000) + 60);
  const read = await send(strict.url, { method: 'GET', path });
  assert.deepEqual([read.status, read.json().error.message], [404, 'There is nothing to be had at this link.']);
});

test('a good signature for a job that nobody knows leads to nothing', async () => {
  const key = readSecrets(strict.dataDir).linkKey!;
  const path = signMediaLink(key, EMPTY_ID, Math.floor(Date.now() / 1000) + 60);
  const answer = await send(strict.url, { method: 'GET', path });
  assert.deepEqual([answer.status, answer.json().error.message], [404, 'There is nothing to be had at this link.']);
  const posted = await send(strict.url, { method: 'POST', path, body: {} });
  assert.deepEqual([posted.status, posted.headers['allow']], [405, 'GET, HEAD']);
});

test('a file whose reader begins late arrives whole', async () => {
  const answer = await askMedia(strict, 'slowly');
  const { pathname, search } = new URL((answer.json() as unknown as { media_url: string }).media_url);
  const response = await open(strict.url, { method: 'GET', path: pathname + search });
  response.pause();
  const { body, whole } = await finish(response);
  assert.ok(whole && body.equals(FILE));
});

test('many streams at once over three fronts: each job is one row', async () => {
  await strict.assertIdle();
  const prompts = ['a', 'b'].map((name) => `many ${name}`);
  const answers = await Promise.all(prompts.map(async (prompt) => finish(await openMedia(strict, prompt))));
  assert.ok(answers.every(({ whole }) => whole));
  const rows = await mediaRows(strict);
  for (const prompt of prompts) assert.equal(rows.get(upstream.made(prompt)[0]!.id)?.length, 1);
});
