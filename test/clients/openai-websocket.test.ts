/** The official SDK's WebSocket client for Responses, against the gateway over real sockets: what its users rely on. */
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import OpenAI from 'openai';
import { WebSocketError } from 'openai/resources/responses/internal-base';
import type { ResponsesClientEvent, ResponsesServerEvent } from 'openai/resources/responses/responses';
import { ResponsesWS } from 'openai/resources/responses/ws';
import { POOR_KEY, REVOKED_KEY } from '../support/client-scene.ts';
import { closeAll } from '../support/close-all.ts';
import { account, KEY, TestGateway } from '../support/gateway.ts';
import { argumentsOf, longScript, SCRIPT, TOOL_SCRIPT, textOf } from '../support/model-script.ts';
import { responseMessages, responsesUsage } from '../support/responses-answer.ts';
import { SocketUpstream } from '../support/socket-upstream.ts';
import { type UsageRow, usageOf } from '../support/usage.ts';
import { waitFor } from '../support/wait-for.ts';

/** Its group has no account with WebSockets. */
const PLAIN_KEY = `${KEY}-plain`;
const ENDS: readonly string[] = ['response.completed', 'response.incomplete', 'response.failed'];
const RECONNECT = { maxRetries: 20, initialDelay: 20, maxDelay: 200, onReconnecting: () => undefined };

type Turn = Omit<ResponsesClientEvent.ResponseCreate, 'type'>;
type Completed = Extract<ResponsesServerEvent, { type: 'response.completed' }>;

let upstream: SocketUpstream;
let gateway: TestGateway;
const sessions: Session[] = [];

before(async () => {
  upstream = await SocketUpstream.start();
  const openai = { platform: 'openai', models: ['gpt*'] };
  gateway = await TestGateway.start({
    catalog: {
      groups: ['main', 'plain'].map((name) => ({ name, platform: 'openai', rateMultiplier: 1 })),
      accounts: [
        account('a1', upstream.url, openai),
        account('p1', upstream.url, { ...openai, groups: ['plain'], settings: { websocket: false } }),
      ],
      users: [
        { name: 'u1', balanceUsd: 1000, concurrency: 100 },
        { name: 'poor', balanceUsd: 0, concurrency: 100 },
      ],
      keys: [
        { user: 'u1', group: 'main', key: KEY },
        { user: 'u1', group: 'main', key: REVOKED_KEY },
        { user: 'u1', group: 'plain', key: PLAIN_KEY },
        { user: 'poor', group: 'main', key: POOR_KEY },
      ],
    },
    relay: { clientGoneDrainMs: 300 },
  });
  const { code, stderr } = await gateway.cli('key', 'revoke', REVOKED_KEY);
  assert.equal(code, 0, stderr);
});
afterEach(async () => {
  upstream.plan = () => ({});
  await closeAll(...sessions.splice(0).map((session) => () => session.close()));
});
after(async () => {
  await closeAll(
    () => gateway?.stop(),
    () => upstream?.close(),
  );
});

/** A connection of the SDK, with all that its user is told. */
class Session {
  readonly socket: ResponsesWS;
  readonly events: ResponsesServerEvent[] = [];
  readonly errors: WebSocketError[] = [];
  closed: { code: number; reason: string } | null = null;
  /** Codes of the closes behind which it came again. */
  readonly reconnects: number[] = [];

  constructor(apiKey = KEY, reconnects = false) {
    const client = new OpenAI({ apiKey, baseURL: `${gateway.url}/v1` });
    this.socket = new ResponsesWS(client, reconnects ? { reconnect: RECONNECT } : {});
    this.socket.on('event', (event) => this.events.push(event));
    this.socket.on('error', (error) => this.errors.push(error));
    this.socket.on('reconnecting', ({ attempt, closeCode }) => {
      if (attempt === 1) this.reconnects.push(closeCode);
    });
    this.socket.on('close', (code, reason) => {
      this.closed = { code, reason };
    });
    sessions.push(this);
  }

  /** Events that ended a response. */
  get ended(): ResponsesServerEvent[] {
    return this.events.filter(({ type }) => ENDS.includes(type));
  }

  send(turn: Turn = {}): void {
    this.socket.send({ type: 'response.create', model: 'gpt-5', input: 'hi', ...turn });
  }

  /** The event that ends the turn. */
  async turn(turn: Turn = {}): Promise<Completed> {
    const { length } = this.ended;
    this.send(turn);
    return (await waitFor('the end of a turn', () => this.ended[length])) as Completed;
  }

  async deltas(count: number): Promise<void> {
    const seen = () => this.events.filter(({ type }) => type === 'response.output_text.delta').length;
    await waitFor(`${count} deltas`, () => seen() >= count);
  }

  error(at = 0): Promise<WebSocketError> {
    return waitFor('an error', () => this.errors[at]);
  }

  end(): Promise<{ code: number; reason: string }> {
    return waitFor('the close', () => this.closed);
  }

  async close(): Promise<void> {
    if (this.closed !== null) return;
    this.socket.close();
    await this.end();
  }
}

/** Rows that `work` adds, once nothing is open any more. */
async function rowsOf(work: () => Promise<void>): Promise<UsageRow[]> {
  await gateway.assertIdle();
  const before = (await usageOf(gateway)).rows.length;
  await work();
  await gateway.assertIdle();
  const { rows } = await usageOf(gateway);
  return rows.slice(0, rows.length - before);
}

/** What an error says of the turn: its status, its code, its words. */
function told({ error, message }: WebSocketError): [status: unknown, code: unknown, message: string] {
  const event = error as unknown as { status?: number; error?: { code?: string } } | undefined;
  return [event?.status, event?.error?.code, message];
}

const common = { type: 'function' as const, strict: false, parameters: { type: 'object', properties: {} } };
const TOOLS: OpenAI.Responses.FunctionTool[] = TOOL_SCRIPT.calls.map(({ name }) => ({ ...common, name }));
const BILLED = [SCRIPT.use.input, SCRIPT.use.output];
const LONG = responseMessages(longScript(400));

test('turns are responses with every event of the account in its order, billed apart by their usage', async () => {
  upstream.plan = () => ({ messages: responseMessages(SCRIPT) });
  const first = upstream.received.length;
  const rows = await rowsOf(async () => {
    const session = new Session();
    for (let turn = 0; turn < 3; turn++) {
      const { response } = await session.turn();
      const [message] = response.output;
      assert.equal(message?.type === 'message' && message.content[0]?.type, 'output_text');
      assert.ok(JSON.stringify(message).includes(JSON.stringify(textOf(SCRIPT))));
      assert.deepEqual(response.usage, responsesUsage(SCRIPT.use));
    }
    assert.deepEqual(
      session.events.map((event) => JSON.stringify(event)),
      upstream.sent.slice(first).flat(),
    );
    assert.deepEqual(session.errors, []);
    session.socket.close();
    assert.deepEqual(await session.end(), { code: 1000, reason: 'OK' });
  });
  assert.deepEqual(
    rows.map((row) => [row.inputTokens, row.outputTokens, row.status]),
    Array(3).fill([...BILLED, 'completed']),
  );
});

test('its iterator tells the opening, each message and the close', async () => {
  upstream.plan = () => ({ messages: responseMessages(SCRIPT) });
  const session = new Session();
  const kinds: string[] = [];
  let messages = 0;
  session.send();
  for await (const { type } of session.socket.stream()) {
    if (type !== 'message') kinds.push(type);
    else if (++messages === responseMessages(SCRIPT).length) session.socket.close();
  }
  assert.deepEqual(kinds, ['connecting', 'open', 'close']);
});

test('parallel calls come as they were made, their results and images reach the account in the next turn of the connection', async () => {
  upstream.plan = ({ turnOfConnection }) => ({
    messages: responseMessages(turnOfConnection === 0 ? { ...TOOL_SCRIPT, id: 'resp_calls' } : SCRIPT),
  });
  const first = upstream.received.length;
  const session = new Session();
  const { response } = await session.turn({ tools: TOOLS, parallel_tool_calls: true });
  const calls = response.output.flatMap((item) => (item.type === 'function_call' ? [item] : []));
  assert.deepEqual(
    calls.map((call) => [call.call_id, call.name, call.arguments]),
    TOOL_SCRIPT.calls.map((call) => [call.id, call.name, argumentsOf(call)]),
  );
  const image = {
    type: 'input_image' as const,
    detail: 'low' as const,
    image_url: 'data:image/png;base64,iVBORw0KGgo=',
  };
  const input: OpenAI.Responses.ResponseInputItem[] = [
    ...calls.map(({ call_id }) => ({ type: 'function_call_output' as const, call_id, output: 'ok' })),
    { role: 'user', content: [{ type: 'input_text', text: 'and this?' }, image] },
  ];
  await session.turn({ previous_response_id: response.id, input, tools: TOOLS });
  const [one, two] = upstream.received.slice(first);
  assert.deepEqual(one!.body['tools'], TOOLS);
  assert.deepEqual([two!.body['input'], two!.body['previous_response_id']], [input, 'resp_calls']);
  assert.equal(two!.connection, one!.connection);
});

test('connections beside each other have turns of their own; on one a second turn at once is an error, and the first goes on', async () => {
  upstream.plan = () => ({ messages: responseMessages(SCRIPT), paceMs: 2 });
  const rows = await rowsOf(async () => {
    const three = [new Session(), new Session(), new Session()];
    await Promise.all(
      three.map(async (session) => {
        for (let turn = 0; turn < 2; turn++) await session.turn();
      }),
    );
    const [session] = three;
    session!.send();
    session!.send();
    assert.deepEqual(told(await session!.error()).slice(0, 2), [409, 'turn_in_progress']);
    await waitFor('the first turn', () => session!.ended.length === 3);
    await session!.turn();
  });
  assert.equal(rows.length, 3 * 2 + 2);
});

test('a close in the middle of a turn ends the work of the account, and is billed once', async () => {
  upstream.plan = () => ({ messages: LONG, paceMs: 30 });
  const rows = await rowsOf(async () => {
    const session = new Session();
    session.send();
    await session.deltas(5);
    const { connection } = upstream.received.at(-1)!;
    session.socket.close();
    assert.equal((await session.end()).code, 1000);
    await waitFor('its upstream to be left', () => upstream.sockets[connection]!.readyState === 3);
  });
  assert.ok(upstream.sent.at(-1)!.length < LONG.length / 2, 'long before its end');
  assert.deepEqual(
    rows.map(({ status, usageSource }) => [status, usageSource]),
    [['client_gone', 'estimated']],
  );
  assert.ok(rows[0]!.outputTokens >= 1 && BigInt(rows[0]!.chargedNanoUsd) > 0n);
});

test('refusals of a turn are WebSocketErrors with status, code and words; the connection stays, and nothing is billed', async () => {
  const rows = await rowsOf(async () => {
    const asked = upstream.received.length;
    const session = new Session();
    for (const [at, [turn, status, code, words]] of (
      [
        [{ model: 'claude-x' }, 404, 'model_not_found', /No account of this group serves this model/],
        [{ input: 7 as never }, 400, 'field_invalid', /input: expected/],
      ] as const
    ).entries()) {
      session.send(turn);
      const error = await session.error(at);
      assert.ok(error instanceof WebSocketError);
      assert.deepEqual(told(error).slice(0, 2), [status, code]);
      assert.match(error.message, words);
    }
    const poor = new Session(POOR_KEY);
    poor.send();
    const [status, code, message] = told(await poor.error());
    assert.deepEqual([status, code], [429, 'insufficient_quota']);
    assert.match(message, /balance does not cover/);
    assert.equal(upstream.received.length, asked);
    const own = { code: 'previous_response_not_found', type: 'invalid_request_error', message: 'No.', param: null };
    upstream.plan = () => ({ messages: [JSON.stringify({ type: 'error', status: 404, error: own })] });
    session.send({ previous_response_id: 'resp_gone' });
    assert.deepEqual(told(await session.error(2)), [404, 'previous_response_not_found', 'No.']);
    assert.deepEqual([session.closed, poor.closed], [null, null]);
  });
  assert.deepEqual(rows, []);
});

test('an answer that broke off is an error with the reason, then a close; one that may comes again by itself and is served', async () => {
  const breakOff = async (session: Session): Promise<Session> => {
    const begun = new AbortController();
    upstream.plan = () => ({ messages: LONG, breakAt: 20, restAfter: begun.signal });
    session.send();
    await session.deltas(1);
    begun.abort();
    assert.match((await session.error()).message, /The upstream broke off its answer/);
    return session;
  };
  const rows = await rowsOf(async () => {
    const plain = await breakOff(new Session());
    assert.equal((await plain.end()).code, 1011);
    const patient = await breakOff(new Session(KEY, true));
    upstream.plan = () => ({ messages: responseMessages(SCRIPT) });
    await waitFor('the next connection', () => patient.reconnects.length === 1);
    // While it is not there, what is sent waits in the SDK.
    assert.equal((await patient.turn()).response.status, 'completed');
    assert.deepEqual([patient.reconnects, patient.closed], [[1011], null]);
  });
  assert.deepEqual(rows.map(({ status }) => status).sort(), ['completed', 'interrupted', 'interrupted']);
});

test('a refused handshake is an error with its status and a close, again and again where the SDK may come again', async () => {
  const turns = upstream.received.length;
  for (const [key, status] of [
    [PLAIN_KEY, 426],
    ['sk-ps-nobody', 401],
    [REVOKED_KEY, 401],
  ] as const) {
    const session = new Session(key);
    session.send();
    assert.equal((await session.error()).message, `Unexpected server response: ${status}`);
    assert.equal((await session.end()).code, 1006);
  }
  const client = new OpenAI({ apiKey: PLAIN_KEY, baseURL: `${gateway.url}/v1` });
  const stubborn = new ResponsesWS(client, { reconnect: { ...RECONNECT, maxRetries: 2 } });
  const errors: string[] = [];
  stubborn.on('error', ({ message }) => errors.push(message));
  await new Promise<void>((resolve) => stubborn.on('close', () => resolve()));
  assert.match(errors.at(-1)!, /reconnect failed after 2 attempts/);
  assert.equal(upstream.received.length, turns);
});

test('when the process makes way for the next one, the turn under way ends; the SDK comes again and the next turn is served', async () => {
  const rows = await rowsOf(async () => {
    const [idle, busy] = [new Session(KEY, true), new Session(KEY, true)];
    upstream.plan = () => ({ messages: responseMessages(SCRIPT) });
    await idle.turn();
    upstream.plan = ({ index }) =>
      index === slow ? { messages: LONG.slice(0, 60).concat(LONG.at(-1)!), paceMs: 10 } : {};
    const slow = upstream.received.length;
    busy.send();
    await busy.deltas(3);
    await gateway.reload();
    await waitFor('both to have come again', () => idle.reconnects.length + busy.reconnects.length === 2);
    assert.equal((await idle.turn()).response.status, 'completed');
    assert.equal((await busy.turn()).response.status, 'completed');
    assert.deepEqual([idle.reconnects, busy.reconnects], [[1001], [1001]]);
    assert.equal(busy.ended.length, 2, 'also the one that was under way');
    assert.deepEqual([...idle.errors, ...busy.errors], []);
  });
  assert.deepEqual(
    rows.map(({ status }) => status),
    Array(4).fill('completed'),
  );
});
