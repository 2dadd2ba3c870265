/**
 * Where command-line clients are watched: a gateway with three accounts of each platform, one that speaks over WebSockets and one for
 * each crossing, a scripted model behind all of them, and a tap between client and gateway.
 */
import { createHash } from 'node:crypto';
import type { Protocol } from '#base/protocols.ts';
import { CROSSINGS } from '#edge/crossings.ts';
import { type Billed, ClientScene } from '../../support/client-scene.ts';
import { closeAll } from '../../support/close-all.ts';
import { account, KEY } from '../../support/gateway.ts';
import { SCRIPT, type TokenUse, type ToolCall } from '../../support/model-script.ts';
import { responseFrames } from '../../support/responses-answer.ts';
import { sayScript } from '../../support/scripted-plan.ts';
import { SocketUpstream, type Turn, type TurnPlan } from '../../support/socket-upstream.ts';
import type { Plan, Received } from '../../support/upstream.ts';
import type { CliClient, Question } from './cli-client.ts';
import { ClientHome, type ClientRun, type InstalledClient, runClient } from './run-client.ts';
import { type TappedExchange, WireTap } from './wire-tap.ts';

/** Whose key a client has. Each user has one in each group. */
export type Who = 'rich' | 'poor' | 'revoked';

const PLATFORMS: readonly (readonly [platform: string, models: string])[] = [
  ['anthropic', 'claude*'],
  ['openai', 'gpt*'],
  ['gemini', 'gemini*'],
];
const PLATFORM_OF: Partial<Record<Protocol, string>> = { messages: 'anthropic', gemini: 'gemini' };
const CROSSED: readonly Protocol[] = ['messages', 'chat', 'responses', 'gemini'];

/** `main`, `socket`, and a protocol for the group all of whose accounts speak nothing else. */
export type Group = string;
const GROUPS: readonly Group[] = ['main', 'socket', ...CROSSED];

export const keyOf = (who: Who, group: Group): string => `${KEY}-${who}-${group}`;

function catalogOf(url: string, socketUrl: string): Record<string, object[]> {
  return {
    groups: GROUPS.map((name) => ({ name, platform: 'anthropic', rateMultiplier: 1 })),
    accounts: [
      ...PLATFORMS.flatMap(([platform, models]) =>
        ['one', 'two', 'three'].map((name) =>
          account(`${platform}-${name}`, url, { platform, models: [models], settings: { websocket: false } }),
        ),
      ),
      account('socket', socketUrl, { platform: 'openai', models: ['gpt*'], groups: ['socket'], priority: 20 }),
      // For what Codex asks by POST when it cannot open a WebSocket.
      account('no-socket', url, {
        platform: 'openai',
        models: ['gpt*'],
        groups: ['socket'],
        settings: { websocket: false },
      }),
      ...CROSSED.map((protocol) => {
        const platform = PLATFORM_OF[protocol] ?? 'openai';
        return account(protocol, url, {
          platform,
          protocols: [protocol],
          groups: [protocol],
          settings: { websocket: false },
        });
      }),
    ],
    users: [
      { name: 'rich', balanceUsd: 1000, concurrency: 100 },
      { name: 'poor', balanceUsd: 0, concurrency: 100 },
    ],
    keys: GROUPS.flatMap((group) =>
      (['rich', 'poor', 'revoked'] as const).map((who) => ({
        user: who === 'poor' ? 'poor' : 'rich',
        group,
        key: keyOf(who, group),
      })),
    ),
  };
}

/** Protocols of accounts that can stand in for this one. */
export function crossingsOf(protocol: Protocol): Protocol[] {
  return CROSSINGS.filter(({ client }) => client === protocol).map(({ upstream }) => upstream);
}

/** Something that the model is asked, over whichever transport. */
export interface Asked {
  /** Counts from 0 among what this client asked itself, not what it asks aside. */
  index: number;
  text: string;
  fields: Record<string, unknown>;
  apiKey: string;
}

/** What the model does: speaks, calls the tool that runs commands or another agent, or refuses: it has too much to do, or its account had too much. */
export interface Cue {
  act: 'text' | 'call' | 'agent' | 'overloaded' | 'limited';
  /** The answer breaks in its middle. */
  breaks?: boolean;
  /** Between its pieces. */
  paceMs?: number;
  /** Nothing is said before this signal. */
  holdUntil?: AbortSignal;
}

/** A whole answer that was begun, as the model counts its tokens. */
export interface Said {
  use: TokenUse;
  broken: boolean;
}

export interface Shown {
  run: ClientRun;
  exchanges: TappedExchange[];
  rows: Billed[];
  said: Said[];
  /** How often an account was asked for an answer. */
  asked: number;
}

export interface Call {
  who?: Who;
  group?: Group;
  modes?: readonly string[];
  prompt?: string;
  model?: string | null;
  boundMs?: number;
  home?: ClientHome;
  cue: (asked: Asked) => Cue;
  /** Something that goes on beside, and must have ended before the books are read. */
  beside?: () => Promise<unknown> | null;
}

const PROOF = 'penstock-42';
/** Its output is not in its text, so only somebody who ran it knows it; without a substitution, which Gemini CLI refuses. */
const COMMAND = `printf 'penstock-%d' 0x2a`;
/** Calls the tool until the client has sent what the command says. */
export const callOnce = ({ text }: Asked): Cue => ({ act: text.includes(PROOF) ? 'text' : 'call' });
const BOUND_MS = 120_000;

/** By protocol: the status and the body of a refusal. */
const REFUSALS = {
  overloaded: {
    messages: [529, { type: 'error', error: { type: 'overloaded_error', message: 'scripted overload' } }],
    responses: [503, { error: { type: 'server_error', code: 'server_is_overloaded', message: 'scripted overload' } }],
    gemini: [503, { error: { code: 503, status: 'UNAVAILABLE', message: 'scripted overload' } }],
  },
  limited: {
    messages: [429, { type: 'error', error: { type: 'rate_limit_error', message: 'scripted limit' } }],
    responses: [429, { error: { type: 'requests', code: 'rate_limit_exceeded', message: 'scripted limit' } }],
    gemini: [429, { error: { code: 429, status: 'RESOURCE_EXHAUSTED', message: 'scripted limit' } }],
  },
} as const;
const REFUSAL_HEADERS = { 'content-type': 'application/json', 'retry-after': '1' };

export class Stage {
  readonly scene: ClientScene;
  readonly tap: WireTap;
  readonly sockets: SocketUpstream;
  readonly scratch: string;
  /** What clients asked and were answered, in the order in which it was shown. */
  readonly shown: TappedExchange[] = [];

  private constructor(scene: ClientScene, tap: WireTap, sockets: SocketUpstream, scratch: string) {
    this.scene = scene;
    this.tap = tap;
    this.sockets = sockets;
    this.scratch = scratch;
  }

  static async start(scratch: string): Promise<Stage> {
    const sockets = await SocketUpstream.start();
    try {
      const scene = await ClientScene.start({}, (url) => catalogOf(url, sockets.url));
      for (const group of GROUPS) await scene.gateway.cli('key', 'revoke', keyOf('revoked', group));
      return new Stage(scene, await WireTap.start(scene.url), sockets, scratch);
    } catch (error) {
      await sockets.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    await closeAll(
      () => this.tap.close(),
      () => this.scene.close(),
      () => this.sockets.close(),
    );
  }

  /** Runs the client on one prompt while the model does as the cues say; what all sides make of it. */
  async show(installed: InstalledClient, call: Call): Promise<Shown> {
    const said: Said[] = [];
    const before = this.scene.upstream.received.length + this.sockets.received.length;
    this.#direct(installed.client, call, said);
    this.tap.take();
    const home = call.home ?? new ClientHome(this.scratch);
    try {
      const question: Omit<Question, 'home'> = {
        url: this.tap.url,
        key: keyOf(call.who ?? 'rich', call.group ?? 'main'),
        model: call.model ?? null,
        prompt: call.prompt ?? 'say what you see',
        modes: call.modes ?? [],
      };
      const { result, rows } = await this.scene.billing(async () => {
        const run = await runClient(installed, home, question, call.boundMs ?? BOUND_MS);
        await call.beside?.();
        return run;
      });
      const asked = this.scene.upstream.received.length + this.sockets.received.length - before;
      const exchanges = this.tap.take();
      this.shown.push(...exchanges);
      return { run: result, exchanges, rows, said, asked };
    } finally {
      if (call.home === undefined) home.remove();
    }
  }

  #direct(client: CliClient, { cue }: Call, said: Said[]): void {
    let index = 0;
    const next = (text: string, fields: Record<string, unknown>, apiKey: string): Cue =>
      cue({ index: index++, text, fields, apiKey });
    this.scene.upstream.plan = (request) => httpPlan(client, request, { next, said });
    this.sockets.plan = (turn) => turnPlan(client, turn, { next, said });
  }
}

interface Director {
  next(text: string, fields: Record<string, unknown>, apiKey: string): Cue;
  said: Said[];
}

/** Every answer has numbers of its own, so that the books can be compared answer by answer. */
function useOf(count: number): TokenUse {
  return { input: 101 + count, cached: 10 + count, output: 31 + count, reasoning: 7 };
}

function httpPlan(client: CliClient, request: Received, { next, said }: Director): Plan {
  const text = request.body.toString('utf8');
  const fields: Record<string, unknown> = text === '' ? {} : JSON.parse(text);
  if (/count_tokens|countTokens/.test(request.url))
    return { body: Buffer.from('{"input_tokens":42,"totalTokens":42}') };
  const aside = client.aside({ url: request.url, fields });
  const cue: Cue = aside === null ? next(text, fields, request.apiKey) : { act: 'text' };
  if (cue.act === 'overloaded' || cue.act === 'limited') {
    const [status, body] = REFUSALS[cue.act][protocolOf(request.url)];
    return { status, headers: REFUSAL_HEADERS, body: Buffer.from(JSON.stringify(body)) };
  }
  const use = useOf(said.length);
  said.push({ use, broken: cue.breaks === true });
  const calls = callsOf(client, cue);
  const script = { ...SCRIPT, id: `up_${request.index}`, model: request.model ?? 'a-model', use, calls };
  const pace: Plan = cue.paceMs === undefined ? {} : { paceMs: cue.paceMs };
  if (cue.holdUntil !== undefined) pace.holdUntil = cue.holdUntil;
  const say = sayScript(aside === null ? script : { ...script, texts: [aside] }, pace);
  if (cue.breaks !== true) return say(request);
  const { body } = sayScript(script, { breakAt: 1 })(request);
  return { ...sayScript(script, { ...pace, breakAt: middleOf(body as Buffer[]), breakHow: 'reset' })(request) };
}

function protocolOf(url: string): keyof typeof REFUSALS.limited {
  if (url.includes('/messages')) return 'messages';
  return url.includes('/models/') ? 'gemini' : 'responses';
}

/** Without generating anything Codex makes a connection ready: that is answered with nothing. */
function turnPlan(client: CliClient, turn: Turn, { next, said }: Director): TurnPlan {
  const script = { ...SCRIPT, id: `resp_${turn.index}`, model: String(turn.body['model']) };
  const messages = (frames: Buffer[]): string[] =>
    frames.map((frame) => frame.toString('utf8').split('\ndata: ')[1]!.trim());
  if (turn.body['generate'] === false) {
    const frames = responseFrames({ ...script, use: { input: 0, cached: 0, output: 0, reasoning: 0 } });
    return { messages: messages([frames[0]!, frames.at(-1)!]) };
  }
  const cue = next(turn.text, turn.body, '');
  if (cue.act === 'overloaded' || cue.act === 'limited') {
    const [status, { error }] = REFUSALS[cue.act].responses;
    return { messages: [JSON.stringify({ type: 'error', status, error })] };
  }
  const use = useOf(said.length);
  said.push({ use, broken: cue.breaks === true });
  const spoken = responseFrames({ ...script, use, calls: callsOf(client, cue) });
  const frames = isCompaction(turn.body) ? compacted(spoken) : spoken;
  const plan: TurnPlan = { messages: messages(frames) };
  if (cue.breaks === true) Object.assign(plan, { breakAt: middleOf(frames), breakHow: 'cut' });
  if (cue.paceMs !== undefined) plan.paceMs = cue.paceMs;
  if (cue.holdUntil !== undefined) plan.holdUntil = cue.holdUntil;
  return plan;
}

/** Codex asks an account of its own provider to shorten its history so. */
function isCompaction({ input }: Record<string, unknown>): boolean {
  return Array.isArray(input) && input.some(({ type }: { type?: string }) => type === 'compaction_trigger');
}

/** The same response with one item in place of what was spoken. */
function compacted(frames: Buffer[]): Buffer[] {
  const item = { id: 'cmp_1', type: 'compaction', encrypted_content: 'short' };
  const event = { type: 'response.output_item.done', output_index: 0, sequence_number: 2, item };
  return [
    frames[0]!,
    frames[1]!,
    Buffer.from(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`),
    frames.at(-1)!,
  ];
}

/** Behind some of its text. */
const middleOf = (pieces: readonly unknown[]): number => Math.floor(pieces.length / 2) + 1;

function callsOf(client: CliClient, { act }: Cue): ToolCall[] {
  if (act === 'call') return [client.shellCall(COMMAND)];
  const call = act === 'agent' ? client.agentCall('say what you see') : null;
  return call === null ? [] : [call];
}

export const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
