/** What command-line clients are put through, and what must hold then. Each scenario tells in a few words what was seen. */
import assert from 'node:assert/strict';
import { processStartTime } from '#base/process-identity.ts';
import type { Protocol } from '#base/protocols.ts';
import { useOf } from '../../support/client-scene.ts';
import { SCRIPT, type TokenUse, textOf } from '../../support/model-script.ts';
import { waitFor } from '../../support/wait-for.ts';
import { ClientHome, type ClientRun, type InstalledClient } from './run-client.ts';
import { type Call, type Cue, callOnce, crossingsOf, type Group, type Shown, type Stage, sha256 } from './stage.ts';

/** How a client is run throughout its scenarios. */
export interface Variant {
  installed: InstalledClient;
  protocol: Protocol;
  modes: readonly string[];
  group: Group;
}

export interface Scenario {
  name: string;
  /** What was seen. Throws where something does not hold. */
  play(stage: Stage, variant: Variant): Promise<string>;
}

const words = (n: number, noun: string): string => `${n} ${noun}${n === 1 ? '' : 's'}`;
const seconds = ({ ms }: ClientRun): string => `${(ms / 1000).toFixed(1)} s`;

function show(stage: Stage, variant: Variant, call: Call): Promise<Shown> {
  return stage.show(variant.installed, { modes: variant.modes, group: variant.group, ...call });
}

function describe({ run, exchanges, rows }: Shown): string {
  const asked = exchanges.map(({ method, path, status }) => `${status} ${method} ${path}`).join('\n');
  const billed = rows.map((row) => `${row.account} ${row.status} ${JSON.stringify(useOf(row))}`).join('\n');
  return `code ${run.code} after ${run.ms} ms\n${asked}\n${billed}\nstdout: ${run.stdout.slice(-3000)}\nstderr: ${run.stderr.slice(-3000)}`;
}

/** The text of the model as it stands in a client's JSON. */
const SAID = JSON.stringify(textOf(SCRIPT)).slice(1, -1);

function assertDone(shown: Shown): void {
  assert.equal(shown.run.timedOut, false, describe(shown));
  assert.equal(shown.run.code, 0, describe(shown));
  assert.ok(shown.run.stdout.includes(SAID), describe(shown));
}

const order = (uses: TokenUse[]): TokenUse[] => [...uses].sort((a, b) => a.input - b.input);

/** A row for each whole answer, to the token; for each broken one a row that says so. */
function assertBooks(shown: Shown): void {
  const { rows, said } = shown;
  const whole = rows.filter(({ status }) => status === 'completed');
  const uses = said.filter(({ broken }) => !broken).map(({ use }) => use);
  assert.deepEqual(order(whole.map(useOf)), order(uses), describe(shown));
  assert.ok(whole.every(({ usageSource }) => usageSource === 'reported'));
  const rest = rows.filter(({ status }) => status !== 'completed').map(({ status }) => status);
  assert.deepEqual(rest, Array(said.length - uses.length).fill('interrupted'), describe(shown));
}

/** Requests of one model went to one account. */
function assertOneAccount({ rows }: Shown): void {
  const accounts = new Map<string, Set<string>>();
  for (const { model, account } of rows) accounts.set(model, (accounts.get(model) ?? new Set()).add(account));
  for (const [model, names] of accounts) assert.equal(names.size, 1, `${model}: ${[...names]}`);
}

/** The client noticed nothing: no complaint, no status of an error, and bytes passed both ways as they were. */
function assertUnnoticed(stage: Stage, shown: Shown, bytes: boolean): void {
  const complaints = shown.run.stderr.split('\n').filter((line) => /error|warn|retry|fail|disconnect/i.test(line));
  assert.deepEqual(complaints, [], describe(shown));
  for (const { status } of shown.exchanges) assert.ok(status !== null && status < 400, describe(shown));
  if (!bytes) return;
  const received = new Set(stage.scene.upstream.received.map(({ body }) => sha256(body)));
  const served = new Set(stage.scene.upstream.ledger.map((entry) => entry.sha256));
  for (const { request, answer } of shown.exchanges.filter(({ path }) => path.includes('/v1'))) {
    assert.ok(received.has(sha256(request.body)), 'the request arrived as it was made');
    assert.ok(served.has(sha256(answer!.body)), 'the answer arrived as it was said');
  }
}

const overSocket = ({ group }: Variant): boolean => group === 'socket';

async function playClean(stage: Stage, variant: Variant, call: Call): Promise<Shown> {
  const shown = await show(stage, variant, call);
  assertDone(shown);
  assertBooks(shown);
  assertOneAccount(shown);
  assertUnnoticed(stage, shown, !overSocket(variant));
  return shown;
}

const answered = (): Cue => ({ act: 'text' });

const QUESTION: Scenario = {
  name: 'a question',
  async play(stage, variant) {
    const { rows, run, exchanges } = await playClean(stage, variant, { cue: () => ({ act: 'text', paceMs: 15 }) });
    const reads = Math.max(...exchanges.map((exchange) => exchange.reads));
    assert.ok(reads > 5, `${reads} reads: it came as it was said`);
    return `answered as it was said (${words(reads, 'read')}), ${words(rows.length, 'row')} exact, bytes ${overSocket(variant) ? 'not compared' : 'identical'}, ${seconds(run)}`;
  },
};

const TOOL: Scenario = {
  name: 'a tool call',
  async play(stage, variant) {
    const shown = await playClean(stage, variant, { cue: callOnce });
    assert.ok(shown.said.length >= 2, describe(shown));
    return `command run, its output sent, ${words(shown.rows.length, 'row')} exact, one account, ${seconds(shown.run)}`;
  },
};

function refused(name: string, who: 'poor' | 'revoked', message: RegExp): Scenario {
  return {
    name,
    async play(stage, variant) {
      const shown = await show(stage, variant, { who, cue: answered });
      assert.equal(shown.run.timedOut, false, describe(shown));
      assert.match(shown.run.stdout + shown.run.stderr, message, describe(shown));
      assert.deepEqual([shown.asked, shown.rows.length], [0, 0], describe(shown));
      const statuses = [...new Set(shown.exchanges.map(({ status }) => status))].join(', ');
      return `message shown, code ${shown.run.code}, ${words(shown.exchanges.length, 'request')} (${statuses}), ${seconds(shown.run)}`;
    },
  };
}

const BROKEN: Scenario = {
  name: 'an answer that breaks off',
  async play(stage, variant) {
    const cue = ({ index }: { index: number }): Cue =>
      index === 0 ? { act: 'text', breaks: true, paceMs: 30 } : { act: 'text' };
    const shown = await show(stage, variant, { cue });
    assertDone(shown);
    assertBooks(shown);
    return `asked again by itself, ${words(shown.rows.length, 'row')} (one interrupted), ${seconds(shown.run)}`;
  },
};

const ONE_OVERLOADED: Scenario = {
  name: 'one account is overloaded',
  async play(stage, variant) {
    const shown = await playClean(stage, variant, {
      cue: ({ index }) => ({ act: index === 0 ? 'overloaded' : 'text' }),
    });
    return `another account answered, unnoticed, ${seconds(shown.run)}`;
  },
};

/** More refusals than there are accounts; each account rests for a moment. */
function allRefuse(name: string, act: 'overloaded' | 'limited'): Scenario {
  return {
    name,
    async play(stage, variant) {
      const shown = await show(stage, variant, { cue: ({ index }) => ({ act: index < 5 ? act : 'text' }) });
      assertDone(shown);
      assertBooks(shown);
      const statuses = shown.exchanges.map(({ status }) => status).join(', ');
      return `asked again by itself until it was answered (${statuses}), ${seconds(shown.run)}`;
    },
  };
}

const RELOAD: Scenario = {
  name: 'a reload between the turns of a session',
  async play(stage, variant) {
    const serves = new AbortController();
    const { gatewayPid } = stage.scene.gateway;
    let reloaded: Promise<void> | null = null;
    const shown = await show(stage, variant, {
      cue: (asked) => {
        reloaded ??= stage.scene.gateway.reload().finally(() => serves.abort());
        return { ...callOnce(asked), holdUntil: serves.signal };
      },
      // What it served last it has booked when it ends.
      beside: async () => {
        await reloaded;
        await waitFor('the end of the old process', () => processStartTime(gatewayPid) === null);
      },
    });
    assertDone(shown);
    assertBooks(shown);
    if (!overSocket(variant)) assertUnnoticed(stage, shown, true);
    return `went on with the next process, ${words(shown.rows.length, 'row')} exact, ${seconds(shown.run)}`;
  },
};

const KILLED: Scenario = {
  name: 'the gateway process is killed in mid-answer',
  async play(stage, variant) {
    let killed: Promise<void> | null = null;
    const shown = await show(stage, variant, {
      cue: ({ index }) => {
        if (index > 0) return { act: 'text' };
        killed = killInAnswer(stage);
        return { act: 'text', paceMs: overSocket(variant) ? 200 : 50 };
      },
      beside: () => killed,
    });
    const { outlivesEnd } = variant.installed.client;
    if (outlivesEnd) assertDone(shown);
    else assert.notEqual(shown.run.code, 0, describe(shown));
    const completed = shown.rows.filter(({ status }) => status === 'completed');
    const interrupted = shown.rows.filter(({ status }) => status === 'interrupted');
    assert.deepEqual([completed.length, interrupted.length], [shown.said.length - 1, 1], describe(shown));
    const what = outlivesEnd ? 'asked again by itself' : `gives up (code ${shown.run.code})`;
    return `${what}, ${words(completed.length, 'row')} and one interrupted, ${seconds(shown.run)}`;
  },
};

async function killInAnswer({ scene, sockets }: Stage): Promise<void> {
  await waitFor('an answer under way', () => scene.upstream.openNow() > 0 || sockets.open > 0);
  const sinceMs = performance.now();
  await waitFor('its first events to be through', () => performance.now() - sinceMs > 700);
  process.kill(scene.gateway.gatewayPid, 'SIGKILL');
  await scene.gateway.replaced();
}

const AGAIN: Scenario = {
  name: 'a session that is taken up again',
  async play(stage, variant) {
    const home = new ClientHome(stage.scratch);
    try {
      const first = await playClean(stage, variant, { home, cue: answered });
      const second = await playClean(stage, variant, { home, modes: [...variant.modes, 'again'], cue: answered });
      assertOneAccount({ ...second, rows: [...first.rows, ...second.rows] });
      assert.ok(
        second.exchanges.some(({ request }) => overSocket(variant) || request.body.includes(SAID)),
        'its history was sent',
      );
      return `its history went to the same account, ${words(first.rows.length + second.rows.length, 'row')} exact`;
    } finally {
      home.remove();
    }
  },
};

/** Paths that a client asked, each with how it was answered, once. */
const pathsOf = ({ exchanges }: Shown): string =>
  [...new Set(exchanges.map(({ method, path, status }) => `${method} ${path} ${status}`))].join(', ');

const CHATTY: Scenario = {
  name: 'what it asks unasked, and the models',
  async play(stage, variant) {
    const shown = await show(stage, variant, { modes: ['chatty'], cue: answered });
    assertDone(shown);
    assertBooks(shown);
    assertUnnoticed(stage, shown, false);
    return pathsOf(shown);
  },
};

const COUNTED: Scenario = {
  name: 'its context is counted',
  async play(stage, variant) {
    const shown = await show(stage, variant, { prompt: '/context', cue: answered });
    assert.equal(shown.run.code, 0, describe(shown));
    assertUnnoticed(stage, shown, true);
    assert.equal(shown.rows.length, 0);
    return `${words(shown.exchanges.length, 'count')}, none billed`;
  },
};

const AGENT: Scenario = {
  name: 'another agent does a part',
  async play(stage, variant) {
    const shown = await playClean(stage, variant, { cue: ({ index }) => ({ act: index === 0 ? 'agent' : 'text' }) });
    assert.ok(shown.said.length >= 3, describe(shown));
    return `${words(shown.rows.length, 'row')} exact, one account, ${seconds(shown.run)}`;
  },
};

const COMPACT: Scenario = {
  name: 'its history is shortened',
  async play(stage, variant) {
    const shown = await show(stage, variant, {
      modes: [...variant.modes, 'compact'],
      cue: ({ index }) => ({ act: index === 0 ? 'call' : 'text' }),
    });
    assertDone(shown);
    assertBooks(shown);
    assertUnnoticed(stage, shown, !overSocket(variant));
    return `${pathsOf(shown)}, ${words(shown.rows.length, 'row')} exact`;
  },
};

function crossing(upstream: Protocol): Scenario {
  return {
    name: `a tool call over an account that speaks ${upstream}`,
    async play(stage, variant) {
      const shown = await show(stage, variant, { group: upstream, cue: callOnce });
      assertDone(shown);
      const { rows, said } = shown;
      const seen = rows.map((row) => [
        row.upstreamProtocol,
        row.status,
        row.inputTokens,
        row.cacheReadTokens,
        row.outputTokens,
      ]);
      const wanted = said.map(({ use }) => [upstream, 'completed', use.input, use.cached, use.output]);
      assert.deepEqual(seen, wanted, describe(shown));
      const left = new Set(
        shown.exchanges
          .flatMap(({ answer }) => answer?.headers ?? [])
          .filter(([name]) => /penstock-.*(dropped|left)/i.test(name))
          .map(([, value]) => value),
      );
      return `command run, its output sent, ${words(rows.length, 'row')} exact${left.size > 0 ? `, left out: ${[...left].join('; ')}` : ''}, ${seconds(shown.run)}`;
    },
  };
}

const OWN: Partial<Record<Protocol, Scenario[]>> = { messages: [CHATTY, COUNTED, AGENT], responses: [COMPACT] };

/** Everything that a client is put through. */
export function scenariosOf(variant: Variant): Scenario[] {
  const common = [
    QUESTION,
    TOOL,
    // Codex says the reason of a 429 in its own words.
    refused('no balance', 'poor', /balance does not cover|Quota exceeded/),
    refused('a revoked key', 'revoked', /The API key has been revoked/),
    BROKEN,
    ONE_OVERLOADED,
    allRefuse('all accounts are overloaded for a while', 'overloaded'),
    allRefuse('all accounts are at their limit for a while', 'limited'),
    RELOAD,
    KILLED,
  ];
  const own = OWN[variant.protocol] ?? [];
  return [...common, AGAIN, ...own, ...crossingsOf(variant.protocol).map(crossing)];
}
