/**
 * What holds of every billed route whose own tests do not say it: the client gets the bytes of the account, one that leaves is billed once
 * for what was served, errors are in the dialect of the path. The table of all routes is in `test/clients/README.md`.
 */
import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { after, before, test } from 'node:test';
import { chatUsage } from '../support/chat-answer.ts';
import { ClientScene, useOf } from '../support/client-scene.ts';
import { KEY } from '../support/gateway.ts';
import { geminiError, geminiUsage } from '../support/gemini-answer.ts';
import { type Answer, open, readUntil, send } from '../support/http-client.ts';
import { metric } from '../support/metrics.ts';
import { longScript, SCRIPT, type TokenUse } from '../support/model-script.ts';
import { responsesUsage } from '../support/responses-answer.ts';
import { sayScript } from '../support/scripted-plan.ts';
import type { Plan } from '../support/upstream.ts';
import { waitFor } from '../support/wait-for.ts';

/** Streams go on beyond the bytes of the drain; what waits until a client has been missed comes within its time. */
const RELAY = { clientGoneDrainMs: 3_000, clientGoneDrainBytes: 65_536, terminalGraceMs: 10_000 };
const SSE = { 'content-type': 'text/event-stream' };
const JSON_TYPE = { 'content-type': 'application/json; charset=UTF-8' };
const { use } = SCRIPT;
const INPUT: TokenUse = { input: 9, cached: 0, output: 0, reasoning: 0 };
/** What no serializer writes: order, spaces, escapes and numbers as they are. */
const ODD = '"odd" : [ 1.0, 1e2, "\\u00e9\\/水🚰" ] ,';
const WORDS = 'some words of an answer '.repeat(100);

interface Route {
  name: string;
  path: string;
  dialect: 'openai' | 'gemini';
  body: object;
  /** Where the content is, and a body in which it is wrong. */
  contentPath: string;
  wrong: object;
  use: TokenUse;
  /** A whole answer in pieces. */
  pieces: Buffer[];
  /** Null: it is answered whole. Else the piece of an endless answer. */
  endless: ((index: number) => string) | null;
  headers: Record<string, string>;
}

const whole = { endless: null, headers: JSON_TYPE };
const buffers = (...texts: string[]): Buffer[] => texts.map((text) => Buffer.from(text));
function halves(text: string): Buffer[] {
  const bytes = Buffer.from(text);
  return [bytes.subarray(0, bytes.length / 2), bytes.subarray(bytes.length / 2)];
}

const openai = (path: string, fields: Omit<Route, 'name' | 'path' | 'dialect'>, form = 'JSON'): Route => ({
  name: `${path}, ${form}`,
  path,
  dialect: 'openai',
  ...fields,
});
const gemini = (verb: string, fields: Omit<Route, 'name' | 'path' | 'dialect'>): Route => ({
  name: verb,
  path: `/v1beta/models/gemini-x:${verb}`,
  dialect: 'gemini',
  ...fields,
});

const completionsChunk = (text: string, more = ''): string => `data: {${ODD}"choices":[{"text":"${text}"}]${more}}\n\n`;
const geminiElement = (text: string, more = ''): string =>
  `{${ODD}"candidates":[{"content":{"parts":[{"text":"${text}"}]}${more}}],"usageMetadata":${JSON.stringify(geminiUsage(use))}}`;
const wrongPrompt = { contentPath: 'prompt', wrong: { model: 'gpt-5', prompt: {} } };
const CONTENT = { contents: [{ role: 'user', parts: [{ text: 'hi' }] }] };
const wrongContents = { contentPath: 'contents', wrong: { contents: 7 } };

const ROUTES: readonly Route[] = [
  openai('/v1/chat/completions', {
    body: { model: 'gpt-5', messages: [{ role: 'user', content: 'hi' }] },
    contentPath: 'messages',
    wrong: { model: 'gpt-5', messages: 7 },
    use,
    pieces: halves(
      `{${ODD}"choices":[{"message":{"content":"${WORDS}"}}],"usage":${JSON.stringify(chatUsage(use))}}\n`,
    ),
    ...whole,
  }),
  openai('/v1/completions', {
    body: { model: 'gpt-5', prompt: 'hi' },
    ...wrongPrompt,
    use,
    pieces: halves(`{${ODD}"choices":[{"text":"${WORDS}"}],"usage":${JSON.stringify(chatUsage(use))}}`),
    ...whole,
  }),
  openai(
    '/v1/completions',
    {
      body: { model: 'gpt-5', prompt: 'hi', stream: true, stream_options: { include_usage: true } },
      ...wrongPrompt,
      use,
      pieces: buffers(
        ': a comment\n\n',
        completionsChunk('a'),
        completionsChunk('b', ',"usage":null'),
        `data: {"choices":[],"usage":${JSON.stringify(chatUsage(use))}}\r\n\r\n`,
        'data: [DONE]\n\n',
      ),
      endless: () => completionsChunk(WORDS),
      headers: SSE,
    },
    'SSE',
  ),
  openai('/v1/embeddings', {
    body: { model: 'text-embedding-3-small', input: ['a', 'b'] },
    contentPath: 'input',
    wrong: { model: 'text-embedding-3-small', input: {} },
    use: INPUT,
    pieces: halves(`{${ODD}"data":[{"embedding":[0.10,-2E-3]}],"usage":{"prompt_tokens":9,"total_tokens":9}}`),
    ...whole,
  }),
  openai('/v1/responses', {
    body: { model: 'gpt-5', input: 'hi' },
    contentPath: 'input',
    wrong: { model: 'gpt-5', input: 7 },
    use,
    pieces: halves(`{${ODD}"id":"resp_1","output":[],"usage":${JSON.stringify(responsesUsage(use))},"user":null}`),
    ...whole,
  }),
  gemini('generateContent', {
    body: CONTENT,
    ...wrongContents,
    use,
    pieces: halves(geminiElement(WORDS, ',"finishReason":"STOP"')),
    ...whole,
  }),
  gemini('streamGenerateContent', {
    body: CONTENT,
    ...wrongContents,
    use,
    pieces: buffers(`[${geminiElement('a')}`, `\n,\r\n${geminiElement('b', ',"finishReason":"STOP"')}`, '\n]\n'),
    endless: (index) => `${index === 0 ? '[' : '\n,\r\n'}${geminiElement(WORDS)}`,
    headers: JSON_TYPE,
  }),
  gemini('embedContent', {
    body: { content: { parts: [{ text: 'hi' }] } },
    contentPath: 'content',
    wrong: { content: 7 },
    use: INPUT,
    pieces: halves(`{${ODD}"embedding": {"values": [0.10, -2E-3]}, "usageMetadata": {"promptTokenCount": 9}}\n`),
    ...whole,
  }),
  gemini('batchEmbedContents', {
    body: { requests: [{ model: 'models/gemini-x', content: { parts: [{ text: 'hi' }] } }] },
    contentPath: 'requests',
    wrong: { requests: 7 },
    use: INPUT,
    pieces: halves(`{${ODD}"embeddings": [{"values": [0.10]}], "usageMetadata": {"promptTokenCount": 9}}\n`),
    ...whole,
  }),
];

let scene: ClientScene;

before(async () => {
  scene = await ClientScene.start({ relay: RELAY });
});
after(() => scene?.close());

function callOf({ path, body }: Route, fields: { body?: object; key?: string; path?: string } = {}) {
  const { key = KEY, ...rest } = fields;
  return { path, body, ...rest, headers: { authorization: `Bearer ${key}` } };
}

function script({ headers, pieces }: Route, plan: Plan = {}): void {
  scene.upstream.plan = () => ({ headers, pieces, ...plan });
}

/** Leaves an answer by a reset, as a process that was killed does; resolves when the gateway has seen it. */
async function leave(response: IncomingMessage): Promise<void> {
  response.socket.resetAndDestroy();
  await waitFor('the end of the connection', async () => {
    const metrics = await scene.gateway.metrics();
    const closed = metric(metrics, 'penstock_connections_closed_total');
    return closed === metric(metrics, 'penstock_connections_opened_total');
  });
}

/** The ledger's entry of the next answer that ends. */
async function nextServed(work: () => Promise<void>) {
  await waitFor('the answers before to be entered', () => scene.upstream.openNow() === 0);
  const at = scene.upstream.ledger.length;
  await work();
  return waitFor('the end of the answer', () => scene.upstream.ledger[at]);
}

/** The code and the words of an error, read as the clients of its dialect do. */
function errorOf(answer: Answer, { dialect }: Route): [code: unknown, message: string] {
  assert.equal(answer.headers['content-type'], 'application/json');
  const { error, ...rest } = answer.json() as unknown as { error: Record<string, unknown> };
  assert.deepEqual(rest, {});
  if (dialect === 'openai') assert.deepEqual(Object.keys(error).sort(), ['code', 'message', 'param', 'type']);
  else assert.equal(error['code'], answer.status);
  return [dialect === 'openai' ? error['code'] : error['status'], String(error['message'])];
}

const CODES = {
  openai: { key: 'invalid_api_key', model: 'model_not_found', field: 'field_invalid' },
  gemini: { key: 'UNAUTHENTICATED', model: 'NOT_FOUND', field: 'INVALID_ARGUMENT' },
} as const;

for (const route of ROUTES) {
  const { name, dialect, endless } = route;

  test(`${name}: the client gets what the account sent, by its hash, and pays by the usage in it`, async () => {
    scene.upstream.plan = () => ({ headers: route.headers, body: route.pieces, cutBytesMax: 29 });
    let answer: Answer | undefined;
    const { row } = await scene.billingOne(async () => {
      const served = await nextServed(async () => {
        answer = await send(scene.url, callOf(route));
      });
      assert.deepEqual([answer?.status, answer?.whole], [200, true]);
      assert.equal(answer?.sha256, served.sha256);
    });
    assert.equal(answer?.headers['content-type'], route.headers['content-type']);
    assert.deepEqual([useOf(row), row.usageSource, row.status], [route.use, 'reported', 'completed']);
  });

  test(`${name}: errors are said in its dialect, those of the account as they came; nothing is billed`, async () => {
    const unknown =
      dialect === 'openai'
        ? { body: { ...route.body, model: 'nobody' } }
        : { path: route.path.replace('gemini-x', 'nobody') };
    const { rows } = await scene.billing(async () => {
      const asked = await scene.asked(async () => {
        for (const [fields, status, code, words] of [
          [{ key: 'sk-ps-nobody' }, 401, CODES[dialect].key, /not known/],
          [unknown, 404, CODES[dialect].model, /No account of this group serves this model/],
          [{ body: route.wrong }, 400, CODES[dialect].field, new RegExp(`\\b${route.contentPath}: expected`)],
        ] as const) {
          const answer = await send(scene.url, callOf(route, fields));
          const [said, message] = errorOf(answer, route);
          assert.deepEqual([answer.status, said], [status, code]);
          assert.match(message, words);
        }
      });
      assert.equal(asked, 0, 'no account is asked');
      const own =
        dialect === 'openai'
          ? Buffer.from(
              '{ "error": {"message":"scripted","type":"invalid_request_error","param":null,"code":"odd"} }\n',
            )
          : geminiError(400, 'FAILED_PRECONDITION', 'scripted', [{ '@type': 'odd' }]);
      scene.upstream.plan = () => ({ status: 400, body: own });
      const answer = await send(scene.url, callOf(route));
      assert.deepEqual([answer.status, answer.body.toString()], [400, own.toString()]);
    });
    assert.deepEqual(rows, []);
  });

  if (endless === null) {
    test(`${name}: a client that leaves within its answer is billed once, by the usage that the rest of it says`, async () => {
      const left = new AbortController();
      script(route, { restAt: 1, restAfter: left.signal });
      const { row } = await scene.billingOne(async () => {
        const served = await nextServed(async () => {
          const response = await open(scene.url, callOf(route));
          await readUntil(response, '"odd"');
          await leave(response);
          left.abort();
        });
        assert.equal(served.ending, 'whole', 'it is read on');
      });
      assert.deepEqual([row.status, row.usageSource, useOf(row)], ['client_gone', 'reported', route.use]);
    });
    continue;
  }

  test(`${name}: a client that leaves mid-stream ends the work of the account, and is billed once for what was seen`, async () => {
    const pieces = Array.from({ length: 2_000 }, (_, index) => Buffer.from(endless(index)));
    script(route, { pieces, paceMs: 4 });
    const row = await scene.abortIsBilledOnce(async () => {
      const response = await open(scene.url, callOf(route));
      await readUntil(response, 'some words');
      await leave(response);
    });
    const seen = row.outputTokens / (WORDS.length / 4);
    assert.ok(seen > 1 && seen < pieces.length / 2, `${row.outputTokens} output tokens`);
  });

  test(`${name}: a client that leaves at the last event has had the whole answer`, async () => {
    const left = new AbortController();
    script(route, { pieces: route.pieces, breakAt: route.pieces.length, breakHow: 'end', restAfter: left.signal });
    const { row } = await scene.billingOne(async () => {
      const response = await open(scene.url, callOf(route));
      await readUntil(response, route.pieces.at(-1)!.toString().trimEnd());
      await leave(response);
      left.abort();
    });
    assert.deepEqual([row.status, row.usageSource, useOf(row)], ['completed', 'reported', route.use]);
  });

  test(`${name}: a stream that its account breaks ends with an error of its dialect, and is never whole`, async () => {
    for (const breakHow of ['reset', 'end'] as const) {
      const pieces = Array.from({ length: 3 }, (_, index) => Buffer.from(endless(index)));
      const begun = new AbortController();
      script(route, { pieces, breakAt: 3, breakHow, restAfter: begun.signal });
      const { result, row } = await scene.billingOne(() => send(scene.url, { ...callOf(route), begun }));
      assert.deepEqual([result.status, result.whole, row.status], [200, false, 'interrupted']);
      const text = result.body.toString();
      assert.ok(text.startsWith(Buffer.concat(pieces).toString()), 'what had come is untouched');
      const events = dialect === 'openai' ? result.events().map(({ data }) => data) : JSON.parse(`${text}]`);
      assert.equal(events.length, 4);
      assert.match(events.at(-1).error.message, /The upstream broke off its answer/);
      assert.doesNotMatch(text, /\[DONE\]|\]\s*$/);
    }
  });
}

test('a client that leaves before its answer ends the attempt; nothing was served, nothing is billed', async () => {
  scene.upstream.plan = () => ({ holdUntil: new AbortController().signal });
  const at = scene.upstream.ledger.length;
  const { rows } = await scene.billing(async () => {
    const leaves = new AbortController();
    const asked = ROUTES.map((route) => {
      const { path, body, headers } = callOf(route);
      const call = { method: 'POST', body: JSON.stringify(body), headers, signal: leaves.signal };
      return assert.rejects(fetch(new URL(path, scene.url), call), { name: 'AbortError' });
    });
    await waitFor('every request at its account', () => scene.upstream.openNow() === ROUTES.length);
    leaves.abort();
    await Promise.all(asked);
    await waitFor('every account to be left', () => scene.upstream.ledger.length === at + ROUTES.length);
  });
  assert.ok(scene.upstream.ledger.slice(at).every(({ ending }) => ending === 'left'));
  assert.deepEqual(rows, []);
});

test('an array that is turned from the events of another protocol ends in the same way when they break off', async () => {
  const begun = new AbortController();
  scene.upstream.plan = sayScript(longScript(20), { breakAt: 8, breakHow: 'reset', restAfter: begun.signal });
  const path = '/v1beta/models/gpt-5:streamGenerateContent';
  const { result, row } = await scene.billingOne(() => send(scene.url, { path, key: KEY, body: CONTENT, begun }));
  assert.deepEqual([result.whole, row.status, row.upstreamProtocol], [false, 'interrupted', 'chat']);
  const elements = JSON.parse(`${result.body}]`);
  assert.ok(elements.length > 2);
  assert.deepEqual(Object.keys(elements.at(-1)), ['error']);
});

test('and so do its events, in both forms of an error', async () => {
  const begun = new AbortController();
  scene.upstream.plan = sayScript(longScript(20), { breakAt: 8, breakHow: 'reset', restAfter: begun.signal });
  const path = '/v1beta/models/gpt-5:streamGenerateContent?alt=sse';
  const { result, row } = await scene.billingOne(() => send(scene.url, { path, key: KEY, body: CONTENT, begun }));
  assert.deepEqual([result.whole, row.status, row.upstreamProtocol], [false, 'interrupted', 'chat']);
  assert.match(result.body.toString(), /\r\n\r\ndata: (\{"error":.*\})\r\n\r\n\1\r\n\r\n$/);
});

test('a client that leaves a crossing before its own last event has not had the whole answer, though the account has said all of it', async () => {
  const left = new AbortController();
  scene.upstream.plan = (request) => {
    const { body } = sayScript(longScript(3), { breakAt: 1 })(request);
    const pieces = [Buffer.concat(body as Buffer[])];
    return { pieces, headers: SSE, breakAt: 1, breakHow: 'end', restAfter: left.signal };
  };
  const path = '/v1beta/models/gpt-5:streamGenerateContent?alt=sse';
  const { row } = await scene.billingOne(async () => {
    const response = await open(scene.url, { path, key: KEY, body: CONTENT });
    await readUntil(response, 'candidates');
    await leave(response);
    left.abort();
  });
  assert.deepEqual([row.status, row.usageSource, row.upstreamProtocol], ['client_gone', 'reported', 'chat']);
});
