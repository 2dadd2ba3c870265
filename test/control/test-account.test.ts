/** Trying an account: what is asked, what is said, and what is never repeated. */
import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { testAccount } from '#control/test-account.ts';

interface Seen {
  method: string;
  url: string;
  apiKey: string | string[] | undefined;
}

async function withUpstream(
  answer: (request: IncomingMessage) => number,
  run: (baseUrl: string, seen: Seen[]) => Promise<void>,
): Promise<void> {
  const seen: Seen[] = [];
  const server: Server = createServer((request, response) => {
    seen.push({ method: request.method!, url: request.url!, apiKey: request.headers['x-api-key'] });
    request.resume().on('end', () => response.writeHead(answer(request), { location: '/x' }).end('sk-echoed'));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    await run(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

const account = (baseUrl: string) => ({ baseUrl, apiKey: 'sk-up-secret', models: null, ca: null });

test('a list of models with the credential is enough', async () => {
  await withUpstream(
    () => 200,
    async (baseUrl, seen) => {
      const finding = await testAccount(account(`${baseUrl}/`));
      assert.equal(finding.ok, true);
      assert.equal(finding.httpStatus, 200);
      assert.deepEqual(seen, [{ method: 'GET', url: '/v1/models?limit=1', apiKey: 'sk-up-secret' }]);
    },
  );
});

test('an upstream without that list is asked for one token', async () => {
  await withUpstream(
    (request) => (request.method === 'GET' ? 404 : 200),
    async (baseUrl, seen) => {
      const finding = await testAccount({ ...account(baseUrl), models: ['claude-*', 'claude-x'] });
      assert.equal(finding.ok, true);
      assert.equal(finding.probe, 'POST /v1/messages (claude-x, 1 token)');
      assert.deepEqual(
        seen.map(({ method }) => method),
        ['GET', 'POST'],
      );
    },
  );
});

test('a refused credential, a redirect and a dead address are named, without secrets or the upstream’s words', async () => {
  const meanings: [number, RegExp][] = [
    [401, /refuses the credential/],
    [302, /redirects/],
    [429, /accepted/],
    [500, /failed/],
  ];
  for (const [status, expected] of meanings) {
    await withUpstream(
      () => status,
      async (baseUrl, seen) => {
        const finding = await testAccount(account(baseUrl));
        assert.equal(finding.ok, false);
        assert.match(finding.text, expected);
        assert.doesNotMatch(JSON.stringify(finding), /sk-/);
        assert.equal(seen.length, 1, 'a redirect is not followed');
      },
    );
  }
  let dead = '';
  await withUpstream(
    () => 200,
    async (baseUrl) => {
      dead = baseUrl;
    },
  );
  const finding = await testAccount(account(dead));
  assert.equal(finding.httpStatus, null);
  assert.match(finding.text, /ECONNREFUSED/);
});
