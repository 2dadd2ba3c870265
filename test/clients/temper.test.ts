/**
 * The temper of the official clients: what each makes of keep-alive bytes, refusals and broken endings. The table in README.md beside this
 * file is what these tests hold.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { AI_CLIENTS } from '../support/ai-sdk-clients.ts';
import { ClientScene, POOR_KEY, platformCatalog, REVOKED_KEY } from '../support/client-scene.ts';
import { account, KEY } from '../support/gateway.ts';
import { open } from '../support/http-client.ts';
import { metric } from '../support/metrics.ts';
import { longScript, SCRIPT } from '../support/model-script.ts';
import { sayScript } from '../support/scripted-plan.ts';
import { OFFICIAL_CLIENTS, type SdkClient, understood } from '../support/sdk-clients.ts';
import { waitFor } from '../support/wait-for.ts';

const CLIENTS = [...OFFICIAL_CLIENTS, ...AI_CLIENTS];
const NARROW_KEY = `${KEY}-narrow`;
const PING_MS = 100;
/** Long enough for several pings. */
const WAIT_MS = 5 * PING_MS;

let scene: ClientScene;

/** Beside the usual ones a group whose accounts have one place each. */
function catalogOf(url: string): Record<string, object[]> {
  const catalog = platformCatalog(url);
  const narrow = { groups: ['narrow'], concurrency: 1 };
  catalog['groups']!.push({ name: 'narrow', platform: 'anthropic', rateMultiplier: 1 });
  catalog['accounts']!.push(
    account('narrow-anthropic', url, { ...narrow, models: ['claude*'] }),
    account('narrow-openai', url, { ...narrow, platform: 'openai', models: ['gpt*'] }),
    account('narrow-gemini', url, { ...narrow, platform: 'gemini', models: ['gemini*'] }),
  );
  catalog['keys']!.push({ user: 'u1', group: 'narrow', key: NARROW_KEY });
  return catalog;
}

before(async () => {
  const queue = { pingAfterMs: PING_MS, pingEveryMs: PING_MS, waitMs: 20_000 };
  scene = await ClientScene.start({ queue }, catalogOf);
  const { code, stderr } = await scene.gateway.cli('key', 'revoke', REVOKED_KEY);
  assert.equal(code, 0, stderr);
});
after(() => scene?.close());

const questionOf = ({ model }: SdkClient, key = KEY) => ({ url: scene.url, key, model });

async function counted(name: string): Promise<number> {
  return (await scene.gateway.metrics()).get(name) ?? 0;
}

async function refusals(code: string): Promise<number> {
  return metric(await scene.gateway.metrics(), 'penstock_failures_total', `code="${code}"`);
}

/** Runs the work while the only place of every narrow account is taken, and frees it when the work has waited long, and long enough. */
async function whileFull<T>(client: SdkClient, work: () => Promise<T>, isLongEnough = () => true): Promise<T> {
  const gate = new AbortController();
  let first = true;
  scene.upstream.plan = (request) => {
    const holds = first;
    first = false;
    return sayScript({ ...SCRIPT, model: client.model }, holds ? { holdUntil: gate.signal } : {})(request);
  };
  const holder = client.ask(questionOf(client, NARROW_KEY));
  await waitFor('the place to be taken', () => scene.upstream.openNow() === 1);
  const waits = await counted('penstock_waits_total');
  const worked = work();
  await waitFor('the client to wait', async () => (await counted('penstock_waits_total')) > waits);
  const sinceMs = performance.now();
  await waitFor('several pings', () => performance.now() - sinceMs > WAIT_MS && isLongEnough());
  gate.abort();
  const [result] = await Promise.all([worked, holder]);
  return result;
}

for (const client of CLIENTS) {
  test(`${client.name}: what keeps its connection alive in a queue is no part of its answer`, async () => {
    const answer = await whileFull(client, () => client.stream(questionOf(client, NARROW_KEY)));
    assert.deepEqual(answer, understood(SCRIPT));
  });
}

test('in a queue Anthropic clients get ping events, those of OpenAI comments, and those of Google nothing', async () => {
  const [anthropic, chat, responses, google] = OFFICIAL_CLIENTS as [SdkClient, SdkClient, SdkClient, SdkClient];
  const chatBody = { model: 'gpt-5', stream: true, messages: [{ role: 'user', content: 'hi' }] };
  const gemini = { contents: [{ role: 'user', parts: [{ text: 'hi' }] }] };
  for (const [client, path, body, start] of [
    [
      anthropic,
      '/v1/messages',
      { ...chatBody, model: anthropic.model, max_tokens: 9 },
      'event: ping\ndata: {"type":"ping"}\n\n',
    ],
    [chat, '/v1/chat/completions', chatBody, ': keep-alive\n\n'],
    [responses, '/v1/responses', { model: 'gpt-5', stream: true, input: 'hi' }, ': keep-alive\n\n'],
    [google, `/v1beta/models/${google.model}:streamGenerateContent?alt=sse`, gemini, 'data: {"candidates"'],
  ] as const) {
    const twice = start + start;
    let text = '';
    const read = async (): Promise<void> => {
      const response = await open(scene.url, { path, body, key: NARROW_KEY });
      for await (const chunk of response) text += chunk;
    };
    await whileFull(client, read, () => client === google || text.length >= twice.length);
    assert.ok(text.startsWith(client === google ? start : twice), text.slice(0, 100));
  }
});

/** These repeat every 429, whatever it says: as often as their user allows. Codex needs one. */
const REPEATS = new Set(['ai openai.chat', 'ai openai.responses']);
const RETRIES = 1;

for (const client of CLIENTS) {
  test(`${client.name}: without a balance it shows the message, and asks no account`, async () => {
    const failures = 'balance_exhausted';
    const before = await refusals(failures);
    const asked = await scene.asked(async () => {
      await assert.rejects(client.ask({ ...questionOf(client, POOR_KEY), retries: RETRIES }), /balance does not cover/);
    });
    assert.equal(asked, 0);
    const attempts = REPEATS.has(client.name) ? RETRIES + 1 : 1;
    assert.equal((await refusals(failures)) - before, attempts);
  });

  test(`${client.name}: with a revoked key it stops at once and shows the message`, async () => {
    const failures = 'key_revoked';
    const before = await refusals(failures);
    for (const how of ['ask', 'stream'] as const) {
      const question = { ...questionOf(client, REVOKED_KEY), retries: RETRIES };
      await assert.rejects(client[how](question), /The API key has been revoked/);
    }
    assert.equal((await refusals(failures)) - before, 2);
  });
}

/** These say why a stream broke, where it broke between two events. Google's older one says that it did; all say so of a torn event. */
const SAY_WHY: readonly string[] = CLIENTS.map(({ name }) => name).filter((name) => name !== '@google/generative-ai');
const REASON = /The upstream broke off its answer/;

for (const client of CLIENTS) {
  test(`${client.name}: a stream that its upstream broke is an error for it, and never an answer`, async () => {
    for (const [breakHow, cut] of [
      ['reset', {}],
      ['end', {}],
      ['reset', { cutBytesMax: 400 }],
      ['end', { cutBytesMax: 400 }],
    ] as const) {
      const begun = new AbortController();
      const broken = { breakAt: 25, breakHow, restAfter: begun.signal, ...cut };
      scene.upstream.plan = sayScript({ ...longScript(80), model: client.model }, broken);
      let pieces = 0;
      const onPiece = (): void => {
        pieces++;
        begun.abort();
      };
      const { row } = await scene.billingOne(() =>
        assert.rejects(client.stream({ ...questionOf(client), retries: RETRIES, onPiece }), (thrown: unknown) => {
          if ('cutBytesMax' in cut || !SAY_WHY.includes(client.name)) return true;
          assert.match(`${thrown} ${JSON.stringify(thrown)}`, REASON);
          assert.doesNotMatch(String(thrown), /validation|parsing/i);
          return true;
        }),
      );
      assert.ok(pieces > 0, 'a part of it had come');
      assert.deepEqual([row.status, row.usageSource === 'reported'], ['interrupted', false]);
    }
  });
}
