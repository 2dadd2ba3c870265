/**
 * `account`: upstream accounts. A credential is better named by a variable (`--api-key-env`) than typed: arguments show in the list
 * of processes.
 */
import { readFileSync } from 'node:fs';
import {
  type Call,
  CliError,
  type Command,
  given,
  listOption,
  pairsOption,
  requiredOption,
  textOption,
  wholeOption,
} from './command.ts';
import type { Environment } from './settings.ts';
import { renderTable } from './table.ts';

interface AccountRow {
  id: number;
  name: string;
  platform: string;
  protocols: string[] | null;
  baseUrl: string;
  status: string;
  concurrency: number;
  priority: number;
  groups: string[];
}

interface Finding {
  ok: boolean;
  probe: string;
  httpStatus: number | null;
  latencyMs: number;
  text: string;
}

const PATH = '/admin/v1/accounts';

export const accountCommands: readonly Command[] = [
  {
    name: 'account add',
    positionals: ['NAME'],
    summary: 'add an upstream account, or bring the one of that name to these settings',
    options: {
      'base-url': { type: 'string', value: 'URL', text: 'address of the upstream (required)' },
      'api-key-env': { type: 'string', value: 'VARIABLE', text: 'environment variable that holds its key' },
      'api-key': { type: 'string', value: 'KEY', text: 'its key, where nobody else sees the list of processes' },
      groups: { type: 'string', value: 'A,B', text: 'groups that may use it' },
      concurrency: { type: 'string', value: 'N', text: 'requests in flight at once (default 10)' },
      priority: { type: 'string', value: 'N', text: 'smaller is used first (default 10)' },
      models: { type: 'string', value: 'A,B', text: 'models served, exact or with a trailing * (default all)' },
      'model-map': { type: 'string', value: 'A=B,…', text: "client's model name = upstream's" },
      'ca-file': { type: 'string', value: 'FILE', text: "PEM of the upstream's private certificate authority" },
      platform: { type: 'string', value: 'NAME', text: 'anthropic, openai, gemini or sora (default anthropic)' },
      protocols: { type: 'string', value: 'A,B', text: 'protocols it speaks (default all of its platform)' },
      settings: { type: 'string', value: 'A=B,…', text: 'what only one kind of account needs' },
    },
    run: addAccount,
  },
  {
    name: 'account list',
    positionals: [],
    summary: 'all accounts, without credentials',
    options: {},
    run: listAccounts,
  },
  {
    name: 'account disable',
    positionals: ['NAME'],
    summary: 'give an account no new requests',
    options: {},
    run: (call) => setStatus(call, 'disabled'),
  },
  {
    name: 'account enable',
    positionals: ['NAME'],
    summary: 'use an account again',
    options: {},
    run: (call) => setStatus(call, 'active'),
  },
  {
    name: 'account test',
    positionals: ['NAME'],
    summary: 'try its address and credential with the cheapest request',
    options: {},
    run: testAccount,
  },
];

async function addAccount({ positionals, options, client, json, output, settings }: Call): Promise<number> {
  const made = await client().send<{ id: number; name: string; created: boolean }>(
    'POST',
    PATH,
    given({
      name: positionals[0],
      platform: textOption(options, 'platform'),
      baseUrl: requiredOption(options, 'base-url'),
      apiKey: apiKeyOf(options, settings.env),
      groups: listOption(options, 'groups'),
      concurrency: wholeOption(options, 'concurrency'),
      priority: wholeOption(options, 'priority'),
      models: listOption(options, 'models'),
      ca: caOf(textOption(options, 'ca-file')),
      modelMap: pairsOption(options, 'model-map'),
      protocols: listOption(options, 'protocols'),
      settings: settingsOf(pairsOption(options, 'settings')),
    }),
  );
  const text = made.created ? `account ${made.name} added` : `account ${made.name} was there and is brought up to date`;
  await output.out(json ? JSON.stringify(made) : text);
  return 0;
}

function apiKeyOf(options: Call['options'], env: Environment): string {
  const [variable, typed] = [textOption(options, 'api-key-env'), textOption(options, 'api-key')];
  if ((variable === undefined) === (typed === undefined)) {
    throw new CliError('give either --api-key-env or --api-key', 2);
  }
  if (typed !== undefined) return typed;
  const value = env[variable!];
  if (value === undefined || value === '') throw new CliError(`the environment variable ${variable} is not set`, 2);
  return value;
}

function caOf(path: string | undefined): string | undefined {
  if (path === undefined) return undefined;
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new CliError(`--ca-file: cannot read ${path} (${(error as NodeJS.ErrnoException).code})`, 2);
  }
}

/** `true`, `false` and plain numbers are what they say; everything else is text. */
function settingsOf(pairs: Record<string, string> | undefined): Record<string, string | number | boolean> | undefined {
  if (pairs === undefined) return undefined;
  return Object.fromEntries(Object.entries(pairs).map(([name, text]) => [name, settingOf(text)]));
}

function settingOf(text: string): string | number | boolean {
  if (text === 'true' || text === 'false') return text === 'true';
  return /^-?\d{1,15}(\.\d{1,15})?$/.test(text) ? Number(text) : text;
}

async function listAccounts({ client, json, output }: Call): Promise<number> {
  const { accounts } = await client().get<{ accounts: AccountRow[] }>(PATH);
  const table = renderTable<AccountRow>(
    [
      { title: 'id', cell: (account) => account.id },
      { title: 'name', cell: (account) => account.name },
      { title: 'platform', cell: (account) => account.platform },
      { title: 'status', cell: (account) => account.status },
      { title: 'priority', cell: (account) => account.priority },
      { title: 'concurrency', cell: (account) => account.concurrency },
      { title: 'groups', cell: (account) => account.groups.join(', ') || null },
      { title: 'address', cell: (account) => account.baseUrl },
    ],
    accounts,
    'There are no accounts.',
  );
  await output.out(json ? JSON.stringify(accounts) : table);
  return 0;
}

async function setStatus({ positionals, client, json, output }: Call, status: string): Promise<number> {
  const set = await client().send<{ name: string; status: string }>('PATCH', pathOf(positionals[0]!), { status });
  await output.out(json ? JSON.stringify(set) : `account ${set.name} is ${set.status}`);
  return 0;
}

async function testAccount({ positionals, client, json, output }: Call): Promise<number> {
  const finding = await client().send<Finding>('POST', `${pathOf(positionals[0]!)}/test`);
  const { ok, probe, httpStatus, latencyMs, text } = finding;
  const seen = `${probe}: ${httpStatus === null ? 'no answer' : `status ${httpStatus}`} after ${latencyMs} ms; ${text}`;
  await output.out(json ? JSON.stringify(finding) : seen);
  return ok ? 0 : 1;
}

function pathOf(name: string): string {
  return `${PATH}/${encodeURIComponent(name)}`;
}
