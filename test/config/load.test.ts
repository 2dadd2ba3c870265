/** The layers of the configuration and what is said about a wrong one. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { ConfigError } from '#config/config-error.ts';
import { variableName } from '#config/environment.ts';
import { DEFAULT_FILE, type LoadedConfig, loadConfig } from '#config/load.ts';
import { configSchema, fileSchema } from '#config/schema.ts';
import { isSecret, reveal } from '#config/secret.ts';
import { leavesOf } from '#config/walk-schema.ts';
import { readYamlFile } from '#config/yaml-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'penstock-config-'));
const file = join(folder, 'penstock.yaml');
after(() => rmSync(folder, { recursive: true }));

function load(text: string, env: Record<string, string> = {}): LoadedConfig {
  writeFileSync(file, text);
  return loadConfig({ configPath: file, env });
}

function problemsOf(text: string, env: Record<string, string> = {}): string[] {
  try {
    load(text, env);
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.problems.map((problem) => problem.replaceAll(`${folder}/`, ''));
  }
  return assert.fail('nothing was found wrong');
}

test('without a file and variables the configuration is the schema with its defaults', () => {
  const { config, catalog, warnings } = loadConfig({ configPath: null, env: {} });
  assert.deepEqual(config, configSchema.parse({}));
  assert.deepEqual(catalog, { groups: [], accounts: [], users: [], keys: [] });
  assert.deepEqual(warnings, []);
});

test('the shipped default file holds exactly the defaults of the schema', () => {
  assert.deepEqual(fileSchema.parse(readYamlFile(DEFAULT_FILE).tree), fileSchema.parse({}));
});

test('the example file is a valid deployment', () => {
  const { config, catalog, warnings } = loadConfig({ configPath: join(DEFAULT_FILE, '..', 'example.yaml'), env: {} });
  assert.equal(config.listen.host, '0.0.0.0');
  assert.equal(catalog.accounts.length, 5);
  assert.equal(catalog.keys.length, 2);
  assert.deepEqual(warnings, []);
});

test('a file overrides defaults key by key, the environment overrides the file', () => {
  const text = 'listen: { port: 1 }\nqueue: { waitMs: 5 }\ndata: /from/file';
  const { config } = load(text, { PENSTOCK_QUEUE_WAIT_MS: '7', PENSTOCK_THREADS_FRONTS: '2' });
  assert.equal(config.listen.port, 1);
  assert.equal(config.listen.host, '127.0.0.1');
  assert.equal(config.queue.waitMs, 7);
  assert.equal(config.threads.fronts, 2);
  assert.equal(config.data, '/from/file');
});

test('variables carry every kind of value, and an empty one counts as not set', () => {
  const { config } = load('threads: { fronts: 4 }', {
    PENSTOCK_THREADS_FRONTS: 'null',
    PENSTOCK_TEST_NAME_FRONT: 'true',
    PENSTOCK_DATABASE_URL: 'postgres://a:b@c/d',
    PENSTOCK_CONTROL_TOKEN: '',
    PENSTOCK_PRICING_FALLBACK: '{"input":1,"output":2,"cacheRead":0.1,"cacheWrite5m":1.25,"cacheWrite1h":2}',
  });
  assert.equal(config.threads.fronts, null);
  assert.equal(config.test.nameFront, true);
  assert.equal(reveal(config.database.url!), 'postgres://a:b@c/d');
  assert.equal(config.control.token, null);
  assert.equal(config.pricing.fallback?.cacheRead, 0.1);
});

test('no two keys share a variable', () => {
  const names = leavesOf(configSchema).map((leaf) => variableName(leaf.path));
  assert.equal(new Set(names).size, names.length);
});

test('unknown keys are refused at every depth and name the nearest key', () => {
  const problems = problemsOf('listn: {}\nlisten:\n  prot: 1\ncatalog:\n  users:\n    - { name: u, balnceUsd: 1 }');
  assert.deepEqual(problems.sort(), [
    'catalog.users[0].balnceUsd: unknown key, did you mean catalog.users[0].balanceUsd? (penstock.yaml:6)',
    'listen.prot: unknown key, did you mean listen.port? (penstock.yaml:3)',
    'listn: unknown key, did you mean listen? (penstock.yaml:1)',
  ]);
});

test('an unknown variable is refused and names the nearest one; those of service links are not ours', () => {
  assert.deepEqual(problemsOf('', { PENSTOCK_LISTEN_PRT: '1', PENSTOCK_SERVICE_HOST: '10.0.0.1' }), [
    'PENSTOCK_LISTEN_PRT: unknown environment variable, did you mean PENSTOCK_LISTEN_PORT?',
  ]);
  load('', {
    PENSTOCK_PORT: 'tcp://10.0.0.1:8080',
    PENSTOCK_PORT_8080_TCP: 'x',
    PENSTOCK_CONTROL: 'u',
    PENSTOCK_TOKEN: 't',
  });
});

test('a wrong value is reported with path, expectation, value and place', () => {
  const problems = problemsOf('listen: { port: 70000 }\nlog:\n  level: loud\nqueue: { perUser: 5 }', {
    PENSTOCK_LIMITS_USERS: 'many',
  });
  assert.deepEqual(problems, [
    'listen.port: expected a whole number from 0 to 65535, got 70000 (penstock.yaml:1)',
    'limits.users: expected a whole number from 1 to 1048576, got "many" (PENSTOCK_LIMITS_USERS)',
    'queue.perUser: expected a power of two from 1 to 1024, got 5 (penstock.yaml:4)',
    'log.level: expected one of trace, debug, info, warn, error, silent, got "loud" (penstock.yaml:3)',
  ]);
});

test('values of secrets are never repeated', () => {
  const text = 'control: { token: 12345 }\ncatalog: { keys: [{ user: u, group: g, key: "sk with spaces" }] }';
  const all = problemsOf(text).join('\n');
  assert.match(all, /control\.token: .*got a number/);
  assert.match(all, /keys\[0\]\.key: .*got a text of 14 characters/);
  assert.doesNotMatch(all, /12345|with spaces/);
});

test('a file that is missing, not YAML, not a mapping or ambiguous is refused by name', () => {
  assert.throws(
    () => loadConfig({ configPath: '/no/such/file.yaml', env: {} }),
    /\/no\/such\/file\.yaml: cannot be read/,
  );
  assert.match(problemsOf('listen: [')[0]!, /^penstock\.yaml: /);
  assert.match(problemsOf('- a')[0]!, /expected a mapping/);
  assert.match(problemsOf('data: a\ndata: b')[0]!, /unique/);
});

test('a section that is left empty changes nothing', () => {
  assert.equal(load('listen:\n').config.listen.port, 8080);
});

test('what threads get is plain data that survives structured clone, without the catalog', () => {
  const { config } = load('control: { token: t0ken }\ncatalog: { users: [{ name: u }] }');
  assert.deepEqual(structuredClone(config), config);
  assert.ok(isSecret(structuredClone(config).control.token));
  assert.ok(!('catalog' in config));
});

test('a short key is accepted and warned about', () => {
  const { warnings } = load('catalog: { keys: [{ user: u, group: g, key: sk-ps-short }] }');
  assert.equal(warnings.length, 1);
  assert.doesNotMatch(warnings[0]!, /sk-ps-short/);
});

test('platforms and protocols of the catalog are known words, settings are plain values', () => {
  const account = (fields: string) => `catalog: { accounts: [{ name: a, baseUrl: "http://x", apiKey: k, ${fields} }] }`;
  const { catalog } = load(
    account('platform: gemini, protocols: [gemini, chat], settings: { project: p, retries: 2 }'),
  );
  assert.deepEqual(catalog.accounts[0]!.protocols, ['gemini', 'chat']);
  assert.deepEqual(catalog.accounts[0]!.settings, { project: 'p', retries: 2 });
  const wrong: [string, RegExp][] = [
    ['platform: openia', /accounts\[0\]\.platform: expected one of anthropic, openai, gemini, sora, got "openia"/],
    ['protocols: [chat, telnet]', /accounts\[0\]\.protocols\[1\]: expected one of messages, /],
    ['protocols: []', /accounts\[0\]\.protocols: expected /],
    ['settings: { a: [1] }', /accounts\[0\]\.settings\.a: expected /],
    ['settings: { "no name": 1 }', /accounts\[0\]\.settings.*: expected /],
  ];
  for (const [fields, expected] of wrong) assert.match(problemsOf(account(fields)).join(), expected);
  const map = 'catalog: { groups: [{ name: g, modelPlatforms: { "gpt-*": elsewhere } }] }';
  assert.match(
    problemsOf(map).join(),
    /groups\[0\]\.modelPlatforms\.gpt-\*: expected one of anthropic, openai, gemini, sora/,
  );
});

test('money in the catalog may be a number or a decimal text, within bounds', () => {
  const users = (balance: string) => `catalog: { users: [{ name: u, balanceUsd: ${balance} }] }`;
  for (const good of ['0', '0.1', '"12.000000001"', '999999999']) load(users(good));
  for (const bad of ['-1', '"1.0000000001"', '"1e3"', '1e12']) assert.match(problemsOf(users(bad))[0]!, /US dollars/);
});
