/** Each official client over accounts of every other protocol that can stand in for its own: it does not notice, and is billed by what they report. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Protocol } from '#base/protocols.ts';
import { CROSSINGS } from '#edge/crossings.ts';
import { AI_CLIENTS } from '../support/ai-sdk-clients.ts';
import { ClientScene, useOf } from '../support/client-scene.ts';
import { account, KEY } from '../support/gateway.ts';
import { longScript, SCRIPT, TOOL_SCRIPT } from '../support/model-script.ts';
import { sayScript } from '../support/scripted-plan.ts';
import { OFFICIAL_CLIENTS, PIXEL, understood } from '../support/sdk-clients.ts';

const CLIENTS = [...OFFICIAL_CLIENTS, ...AI_CLIENTS];
const PLATFORMS: Partial<Record<Protocol, string>> = { messages: 'anthropic', gemini: 'gemini' };
const UPSTREAMS: readonly Protocol[] = ['messages', 'chat', 'responses', 'gemini'];

let scene: ClientScene;

/** An account for each protocol, which serves the models named after it. */
function catalogOf(url: string): Record<string, object[]> {
  return {
    groups: [{ name: 'main', platform: 'anthropic', rateMultiplier: 1 }],
    accounts: UPSTREAMS.map((protocol) => {
      const platform = PLATFORMS[protocol] ?? 'openai';
      return account(protocol, url, { platform, models: [`${protocol}-*`], protocols: [protocol] });
    }),
    users: [{ name: 'u1', balanceUsd: 1000, concurrency: 100 }],
    keys: [{ user: 'u1', group: 'main', key: KEY }],
  };
}

before(async () => {
  scene = await ClientScene.start({}, catalogOf);
});
after(() => scene?.close());

for (const client of CLIENTS) {
  for (const { upstream } of CROSSINGS.filter((crossing) => crossing.client === client.protocol)) {
    const title = `${client.name} over ${upstream}`;
    const model = `${upstream}-x`;
    const question = () => ({ url: scene.url, key: KEY, model });

    test(`${title}: text, parallel calls and usage, whole and streamed, billed as reported`, async () => {
      for (const script of [SCRIPT, TOOL_SCRIPT]) {
        for (const how of ['ask', 'stream'] as const) {
          scene.upstream.plan = sayScript({ ...script, model });
          const { result, row } = await scene.billingOne(() => client[how](question()));
          assert.deepEqual(result, understood(script), how);
          const { input, cached, output } = useOf(row);
          assert.deepEqual([input, cached, output], result.use);
          assert.deepEqual(
            [row.protocol, row.upstreamProtocol, row.usageSource, row.status],
            [client.protocol, upstream, 'reported', 'completed'],
          );
        }
      }
    });

    test(`${title}: an image reaches the account`, async () => {
      scene.upstream.plan = sayScript({ ...SCRIPT, model });
      await client.ask({ ...question(), image: true });
      assert.ok(scene.upstream.received.at(-1)!.body.includes(PIXEL));
    });

    test(`${title}: an abort in mid-stream ends the work of the account, and is billed once`, async () => {
      scene.upstream.plan = sayScript({ ...longScript(3_000), model }, { paceMs: 15, cutBytesMax: 800 });
      await scene.abortIsBilledOnce(async () => {
        const leave = new AbortController();
        let pieces = 0;
        const onPiece = (): void => {
          if (++pieces === 5) leave.abort();
        };
        await assert.rejects(client.stream({ ...question(), signal: leave.signal, onPiece }));
        assert.ok(pieces >= 5);
      });
    });

    test(`${title}: the account's error about the request has its status and text`, async () => {
      const error = { message: 'scripted 400', type: 'invalid_request_error', code: 400, status: 'INVALID_ARGUMENT' };
      scene.upstream.plan = () => ({ status: 400, body: Buffer.from(JSON.stringify({ type: 'error', error })) });
      for (const how of ['ask', 'stream'] as const) {
        await assert.rejects(client[how](question()), (thrown: { status?: number; statusCode?: number }) => {
          assert.equal(thrown.status ?? thrown.statusCode, 400);
          assert.match(String(thrown), /scripted 400/);
          return true;
        });
      }
    });

    test(`${title}: a stream that the account breaks is an error, never an end`, async () => {
      for (const breakHow of ['reset', 'end'] as const) {
        const begun = new AbortController();
        const broken = { cutBytesMax: 400, breakAt: 25, breakHow, restAfter: begun.signal };
        scene.upstream.plan = sayScript({ ...longScript(80), model }, broken);
        let pieces = 0;
        const onPiece = (): void => {
          pieces++;
          begun.abort();
        };
        const { row } = await scene.billingOne(() => assert.rejects(client.stream({ ...question(), onPiece })));
        assert.ok(pieces > 0, 'a part of it had come');
        assert.equal(row.status, 'interrupted');
      }
    });
  }
}
