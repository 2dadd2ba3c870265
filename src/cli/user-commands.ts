/**
 * `user` and `group`: who pays, and which accounts share a price.
 */
import { type Call, type Command, given, pairsOption, textOption, wholeOption } from './command.ts';
import { renderTable } from './table.ts';

interface UserRow {
  id: number;
  name: string;
  status: string;
  concurrency: number;
  balanceUsd: string;
  createdAt: string;
}

interface GroupRow {
  id: number;
  name: string;
  platform: string;
  rateMultiplier: number;
  accounts: string[];
}

interface Made {
  id: number;
  name: string;
  created: boolean;
}

export const userCommands: readonly Command[] = [
  {
    name: 'user create',
    positionals: ['NAME'],
    summary: 'make a user, or bring the one of that name to these settings',
    options: {
      balance: { type: 'string', value: 'USD', text: 'opening balance, entered once (default 0)' },
      concurrency: { type: 'string', value: 'N', text: 'requests in flight at once (default 10)' },
      disabled: { type: 'boolean', text: 'refuse the requests of this user' },
    },
    run: createUser,
  },
  { name: 'user list', positionals: [], summary: 'all users with their balances', options: {}, run: listUsers },
  {
    name: 'group create',
    positionals: ['NAME'],
    summary: 'make a group, or bring the one of that name to these settings',
    options: {
      platform: { type: 'string', value: 'NAME', text: 'platform of its accounts (default anthropic)' },
      'model-platforms': {
        type: 'string',
        value: 'A=B,…',
        text: 'model, or prefix with a trailing * = platform that serves it',
      },
      multiplier: { type: 'string', value: 'X', text: 'multiple of the price of the tokens (default 1)' },
    },
    run: createGroup,
  },
  { name: 'group list', positionals: [], summary: 'all groups with their accounts', options: {}, run: listGroups },
];

async function createUser({ positionals, options, client, json, output }: Call): Promise<number> {
  const made = await client().send<Made>(
    'POST',
    '/admin/v1/users',
    given({
      name: positionals[0],
      balanceUsd: textOption(options, 'balance'),
      concurrency: wholeOption(options, 'concurrency'),
      status: options['disabled'] === true ? 'disabled' : undefined,
    }),
  );
  const untouched = options['balance'] === undefined ? '' : '; its balance is not touched by --balance';
  const text = made.created
    ? `user ${made.name} made`
    : `user ${made.name} was there and is brought up to date${untouched}`;
  await output.out(json ? JSON.stringify(made) : text);
  return 0;
}

async function listUsers({ client, json, output }: Call): Promise<number> {
  const { users } = await client().get<{ users: UserRow[] }>('/admin/v1/users');
  const table = renderTable<UserRow>(
    [
      { title: 'id', cell: (user) => user.id },
      { title: 'name', cell: (user) => user.name },
      { title: 'status', cell: (user) => user.status },
      { title: 'concurrency', cell: (user) => user.concurrency },
      { title: 'balance USD', cell: (user) => user.balanceUsd },
      { title: 'since', cell: (user) => user.createdAt.slice(0, 10) },
    ],
    users,
    'There are no users.',
  );
  await output.out(json ? JSON.stringify(users) : table);
  return 0;
}

async function createGroup({ positionals, options, client, json, output }: Call): Promise<number> {
  const multiplier = textOption(options, 'multiplier');
  const made = await client().send<Made>(
    'POST',
    '/admin/v1/groups',
    given({
      name: positionals[0],
      platform: textOption(options, 'platform'),
      modelPlatforms: pairsOption(options, 'model-platforms'),
      rateMultiplier: multiplier === undefined ? undefined : Number(multiplier),
    }),
  );
  const text = made.created ? `group ${made.name} made` : `group ${made.name} was there and is brought up to date`;
  await output.out(json ? JSON.stringify(made) : text);
  return 0;
}

async function listGroups({ client, json, output }: Call): Promise<number> {
  const { groups } = await client().get<{ groups: GroupRow[] }>('/admin/v1/groups');
  const table = renderTable<GroupRow>(
    [
      { title: 'id', cell: (group) => group.id },
      { title: 'name', cell: (group) => group.name },
      { title: 'platform', cell: (group) => group.platform },
      { title: 'multiplier', cell: (group) => group.rateMultiplier },
      { title: 'accounts', cell: (group) => group.accounts.join(', ') || null },
    ],
    groups,
    'There are no groups.',
  );
  await output.out(json ? JSON.stringify(groups) : table);
  return 0;
}
