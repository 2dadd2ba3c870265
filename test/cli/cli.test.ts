/** The operator command against a control server, in this process: what it prints, where, and its exit codes. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { COMMANDS, runCli } from '#cli/cli.ts';
import { announceControl } from '#control/announce.ts';
import { FakeGateway, TOKEN } from '../support/fake-gateway.ts';
import { MemoryStore, usageListing } from '../support/memory-store.ts';
import { tempFolder } from '../support/temp-folder.ts';

const gateway = await FakeGateway.start();
after(() => gateway.server.close());
beforeEach(() => {
  Object.assign(gateway.store, new MemoryStore());
});

interface Ran {
  code: number;
  out: string;
  note: string;
}

async function runWith(env: Record<string, string>, args: readonly string[]): Promise<Ran> {
  const ran: Ran = { code: -1, out: '', note: '' };
  const output = {
    out: async (text: string) => {
      ran.out += `${text}\n`;
    },
    note: async (text: string) => {
      ran.note += `${text}\n`;
    },
  };
  ran.code = await runCli(args, output, env);
  return ran;
}

const CONNECTED = { PENSTOCK_CONTROL: gateway.server.url, PENSTOCK_TOKEN: TOKEN, UPSTREAM_KEY: 'sk-up-hidden' };

function run(...args: string[]): Promise<Ran> {
  return runWith(CONNECTED, args);
}

async function ok(...args: string[]): Promise<string> {
  const ran = await run(...args);
  assert.equal(ran.code, 0, `penstock ${args.join(' ')}: ${ran.note}`);
  return ran.out.trimEnd();
}

async function prepare(): Promise<void> {
  await ok('group', 'create', 'main', '--multiplier', '1.5');
  await ok('user', 'create', 'u1', '--balance', '12.5', '--concurrency', '7');
  await ok(
    'account',
    'add',
    'a1',
    '--base-url',
    'http://127.0.0.1:1',
    '--api-key-env',
    'UPSTREAM_KEY',
    '--groups',
    'main',
  );
}

test('help lists every command, and every command has its own', async () => {
  const overview = await ok('--help');
  for (const command of COMMANDS) {
    assert.ok(overview.includes(`  ${command.name}`), command.name);
    const help = await ok(...command.name.split(' '), '--help');
    assert.ok(help.startsWith(`Usage: penstock ${command.name}`));
    for (const option of Object.keys(command.options)) assert.ok(help.includes(`--${option}`), option);
    assert.match(help, /--json/);
  }
});

test('what is typed wrongly ends with exit code 2 and a hint, before anything is asked', async () => {
  const cases: [string[], RegExp][] = [
    [[], /^$/],
    [['usr', 'list'], /did you mean user list\?/],
    [['user'], /user create \| user list/],
    [['user', 'create'], /usage: penstock user create NAME/],
    [['user', 'create', 'a', 'b'], /usage: penstock user create NAME/],
    [['user', 'create', 'a', '--balanse', '1'], /did you mean --balance\?/],
    [['user', 'create', 'a', '--concurrency', 'many'], /expected a whole number/],
    [['key', 'create', '--user', 'u1'], /--group is required/],
    [['account', 'add', 'a', '--base-url', 'http://x'], /either --api-key-env or --api-key/],
    [['account', 'add', 'a', '--base-url', 'http://x', '--api-key-env', 'NOT_SET'], /NOT_SET is not set/],
  ];
  for (const [args, expected] of cases) {
    const { code, note } = await run(...args);
    assert.equal(code, 2, args.join(' '));
    assert.match(note, expected);
  }
  assert.equal(gateway.store.calls, 0);
});

test('users, groups, accounts and keys are made and listed, as tables and as JSON', async () => {
  await prepare();
  const key = await run(
    'key',
    'create',
    '--user',
    'u1',
    '--group',
    'main',
    '--models',
    'claude-*',
    '--ip-allow',
    '10.0.0.0/8',
  );
  assert.match(key.out, /^sk-ps-\S{43}\n$/, 'the key alone, for scripts');
  assert.match(key.note, /once/);
  assert.match(await ok('user', 'list'), /^id {2}name {2}status {2}concurrency {2}balance USD {2}since\n 1 {2}u1 /);
  assert.match(await ok('group', 'list'), /main {2}anthropic {9}1\.5 {2}a1/);
  assert.match(await ok('account', 'list'), /a1 {4}anthropic {2}active/);
  assert.match(await ok('key', 'list'), /u1 {4}main {3}active/);
  const users = JSON.parse(await ok('user', 'list', '--json'));
  assert.equal(users[0].balanceNanoUsd, '12500000000');
  const keys = JSON.parse(await ok('key', 'list', '--json'));
  assert.deepEqual(keys[0].allowedModels, ['claude-*']);
  assert.deepEqual(keys[0].ipAllow, ['10.0.0.0/8']);
  const accounts = JSON.parse(await ok('account', 'list', '--json'));
  assert.deepEqual(accounts[0].groups, ['main']);
  assert.equal(JSON.parse(await ok('group', 'list', '--json'))[0].rateMultiplier, 1.5);
  assert.equal(gateway.store.accounts[0]!.apiKey, 'sk-up-hidden');
});

test('accounts and groups of other platforms are made with what they speak', async () => {
  await ok('group', 'create', 'mixed', '--platform', 'openai', '--model-platforms', 'claude-*=anthropic,gpt-*=openai');
  const address = ['--base-url', 'http://127.0.0.1:9', '--api-key-env', 'UPSTREAM_KEY'];
  const spoken = ['--protocols', 'chat,embeddings', '--settings', 'organization=org-1,retries=2,store=false'];
  await ok('account', 'add', 'a1', '--platform', 'openai', ...address, ...spoken);
  const [account] = JSON.parse(await ok('account', 'list', '--json'));
  assert.deepEqual([account.platform, account.protocols], ['openai', ['chat', 'embeddings']]);
  assert.deepEqual(account.settings, { organization: 'org-1', retries: 2, store: false });
  const [group] = JSON.parse(await ok('group', 'list', '--json'));
  assert.deepEqual(group.modelPlatforms, { 'claude-*': 'anthropic', 'gpt-*': 'openai' });
  const unknown = await run('account', 'add', 'a2', '--platform', 'openai', ...address, '--protocols', 'telnet');
  assert.equal(unknown.code, 1);
  assert.match(unknown.note, /protocols\[0\]: expected one of messages/);
  const torn = await run('account', 'add', 'a2', ...address, '--settings', 'organization');
  assert.deepEqual([torn.code, torn.note.trim()], [2, 'penstock: --settings: expected NAME=VALUE, got organization']);
});

test('every listing is valid JSON when there is nothing, and a sentence for people', async () => {
  for (const list of ['user', 'group', 'account', 'key']) {
    assert.deepEqual(JSON.parse(await ok(list, 'list', '--json')), []);
    assert.equal(await ok(list, 'list'), `There are no ${list}s.`);
  }
});

test('a key is revoked by what was printed', async () => {
  await prepare();
  const { key } = JSON.parse(await ok('key', 'create', '--user', 'u1', '--group', 'main', '--json'));
  await ok('key', 'revoke', key);
  assert.equal(gateway.store.keys[0]!.status, 'revoked');
  const again = await run('key', 'revoke', 'sk-ps-nosuch');
  assert.equal(again.code, 1);
  assert.equal(again.note, 'penstock: there is no such key\n');
});

test('accounts are disabled, enabled and tested by name', async () => {
  await prepare();
  await ok('account', 'disable', 'a1');
  assert.equal(gateway.store.accounts[0]!.status, 'disabled');
  await ok('account', 'enable', 'a1');
  assert.equal(gateway.store.accounts[0]!.status, 'active');
  const tested = await run('account', 'test', 'a1');
  assert.equal(tested.code, 1, 'nobody listens on port 1');
  assert.match(tested.out, /GET \/v1\/models: no answer/);
  assert.equal((await run('account', 'disable', 'none')).code, 1);
});

test('usage prints totals of all and the newest rows, with money exact', async () => {
  gateway.store.rows = [usageListing(), usageListing({ requestId: '019a0000000070008000000000000002' })];
  const report = JSON.parse(await ok('usage', '--limit', '1', '--json'));
  const { rows, ...totals } = report;
  assert.deepEqual(totals, {
    requests: 2,
    inputTokens: 20,
    outputTokens: 40,
    cacheReadTokens: 6,
    cacheWriteTokens: 18,
    reasoningTokens: 0,
    audioInputTokens: 0,
    audioOutputTokens: 0,
    imageInputTokens: 0,
    imageOutputTokens: 0,
    mediaItems: 0,
    mediaSeconds: 0,
    chargedNanoUsd: '18014398509481986',
  });
  assert.equal(rows.length, 1);
  const { requestId, model, inputTokens, outputTokens, chargedNanoUsd, status, createdAt } = rows[0];
  assert.deepEqual(
    { requestId, model, inputTokens, outputTokens, chargedNanoUsd, status, createdAt },
    {
      requestId: '019a0000000070008000000000000001',
      model: 'claude-sonnet-4-5',
      inputTokens: 10,
      outputTokens: 20,
      chargedNanoUsd: '9007199254740993',
      status: 'completed',
      createdAt: '2026-11-22T03:04:05.000Z',
    },
  );
  assert.match(await ok('usage'), /9007199\.254740993\n[\s\S]*2 requests in all: 20 input, 40 output/);
  assert.ok(!/reasoning|audio|image|video/.test(await ok('usage')), 'what there never was any of is left out');
  const crossed = { protocol: 'chat', upstreamProtocol: 'messages', serviceTier: 'flex', reasoningTokens: 5 };
  const media = { protocol: 'sora', upstreamProtocol: 'sora', mediaItems: 1, mediaSeconds: 12, audioInputTokens: 7 };
  const listed = gateway.store.rows;
  gateway.store.rows = [usageListing(crossed), usageListing(media)];
  const text = await ok('usage');
  assert.match(text, /chat → messages {2}claude-sonnet-4-5 {2}flex/);
  assert.match(text, / sora {13}claude-sonnet-4-5/);
  assert.match(
    text,
    /40 output \(5 of it reasoning\).*, 7 audio input tokens, 1 images and videos, 12 seconds of video, 180/,
  );
  gateway.store.rows = listed;
  assert.equal((await run('usage', '--limit', '1000000')).code, 1);
  const older = JSON.parse(await ok('usage', '--before', '019a0000-0000-7000-8000-000000000002', '--json'));
  assert.equal(older.rows.length, 0);
  for (const wrong of ['nonsense', 'ffffffff-ffff-7000-8000-000000000002', '019a0000000070008000000000000002']) {
    assert.match((await run('usage', '--before', wrong)).note, /before: expected the request id of a row/);
  }
});

test('flush returns when all is written, and says why when it cannot be', async () => {
  await ok('flush');
  gateway.flushFault = new Error('database away');
  const { code, note } = await run('flush');
  gateway.flushFault = null;
  assert.equal(code, 1);
  assert.match(note, /database away/);
});

test('the gateway is found by its data folder', async (t) => {
  const folder = tempFolder(t);
  t.after(announceControl(folder, gateway.server.url));
  writeFileSync(join(folder, 'secrets.json'), JSON.stringify({ adminToken: TOKEN }));
  const listed = await runWith({}, ['user', 'list', '--json', '--data', folder]);
  assert.equal(listed.code, 0, listed.note);
  const config = join(folder, 'penstock.yaml');
  writeFileSync(config, `data: ${folder}\ncontrol: { token: ${TOKEN} }\n`);
  assert.equal((await runWith({}, ['user', 'list', '--config', config])).code, 0);
});

test('without a running gateway a command says so', async (t) => {
  const folder = join(tempFolder(t), 'data');
  mkdirSync(folder);
  const { code, note } = await runWith({}, ['user', 'list', '--data', folder]);
  assert.equal(code, 1);
  assert.match(note, /^penstock: no gateway runs on the data folder \S+data; start one with npm start/);
  const dead = await runWith({}, ['user', 'list', '--control', 'http://127.0.0.1:1', '--token', 'x']);
  assert.equal(dead.code, 1);
  assert.match(dead.note, /does not answer \(/);
});

test('a wrong token and a faulty configuration are one readable message each', async (t) => {
  const wrong = await runWith({ ...CONNECTED, PENSTOCK_TOKEN: 'x' }, ['user', 'list']);
  assert.deepEqual([wrong.code, wrong.note], [1, 'penstock: the admin token is missing or wrong\n']);
  const config = join(tempFolder(t), 'penstock.yaml');
  writeFileSync(config, 'listen: { prot: 1 }');
  const faulty = await runWith({}, ['config', '--config', config]);
  assert.equal(faulty.code, 1);
  assert.match(faulty.note, /listen\.prot: unknown key, did you mean listen\.port\?/);
  assert.doesNotMatch(faulty.note, /\n {4}at /);
});

test('config prints the effective configuration without secrets', async () => {
  const env = { PENSTOCK_CONTROL_TOKEN: 'hidden', PENSTOCK_LISTEN_PORT: '1234' };
  const { code, out } = await runWith(env, ['config']);
  assert.equal(code, 0);
  assert.match(out, / {2}port: 1234\n/);
  assert.doesNotMatch(out, /hidden/);
  assert.equal(JSON.parse((await runWith(env, ['config', '--json'])).out).control.token, '***');
});

test('doctor checks what it can without a gateway, and asks a running one', async (t) => {
  const config = join(tempFolder(t), 'penstock.yaml');
  const folder = join(tempFolder(t), 'data');
  writeFileSync(config, `data: ${folder}\nlisten: { port: 0 }\ncontrol: { port: ${gateway.server.port} }\n`);
  const stopped = await runWith({}, ['doctor', '--config', config, '--json']);
  const found = new Map(
    JSON.parse(stopped.out).map((check: { name: string; status: string }) => [check.name, check.status]),
  );
  assert.equal(stopped.code, 1, 'the control port is taken');
  assert.equal(found.get('configuration'), 'ok');
  assert.equal(found.get('memory'), 'ok');
  assert.equal(found.get('prices'), 'ok');
  assert.equal(found.get('tls'), 'ok');
  assert.match(stopped.out, /256 MiB request bodies: limits\.bodyBytesTotal/);
  assert.match(stopped.out, /each front accepts \d+ connections/);
  assert.match(stopped.out, /4096 output tokens are reserved .* at most \d+(\.\d+)? USD a million tokens/);
  assert.equal(found.get('gateway'), 'warn');
  assert.equal(found.get('data port'), 'ok');
  assert.equal(found.get('control port'), 'fail');
  gateway.ringing = [{ alarm: 'database_away', on: true, text: 'no answer for 2 s' }];
  const running = await run('doctor');
  gateway.ringing = [];
  assert.equal(running.code, 0, running.note);
  assert.match(running.out, /database +ok +PostgreSQL 18\.0 answers/);
  assert.match(running.out, /alarm database_away +warn +no answer for 2 s/);
});

test('doctor reports a configuration that cannot be, and a memory sum beyond its bound', async (t) => {
  const config = join(tempFolder(t), 'penstock.yaml');
  writeFileSync(config, 'limits: { memoryBytesMax: 1 }');
  assert.match((await runWith({}, ['doctor', '--config', config])).out, /configuration +fail +limits\.memoryBytesMax/);
  writeFileSync(config, 'limits: { memoryBytesMax: 268435456 }\nlisten: { port: 0 }\ncontrol: { port: 0 }');
  const { code, out } = await runWith({}, ['doctor', '--config', config]);
  assert.equal(code, 1);
  assert.match(out, /memory +fail +limits\.memoryBytesMax: 1 fronts may need/);
});
