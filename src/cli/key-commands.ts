/**
 * `key`: made, revoked, listed. A key is printed once, when it is made: alone on standard output, so that a script can keep it.
 */
import { type Call, type Command, given, listOption, requiredOption, textOption } from './command.ts';
import { renderTable } from './table.ts';

interface KeyRow {
  id: number;
  prefix: string;
  name: string;
  user: string;
  group: string;
  status: string;
  expiresAt: string | null;
}

interface MadeKey {
  id: number;
  key: string;
  prefix: string;
}

export const keyCommands: readonly Command[] = [
  {
    name: 'key create',
    positionals: [],
    summary: 'make a key and print it once',
    options: {
      user: { type: 'string', value: 'NAME', text: 'who pays (required)' },
      group: { type: 'string', value: 'NAME', text: 'whose accounts are used (required)' },
      name: { type: 'string', value: 'TEXT', text: 'a note for people' },
      expires: { type: 'string', value: 'TIME', text: 'end of validity: 2027-01-31 or 2027-01-31T12:00:00Z' },
      models: { type: 'string', value: 'A,B', text: 'models allowed, exact or with a trailing *' },
      'ip-allow': { type: 'string', value: 'A,B', text: 'addresses or networks allowed' },
      'ip-deny': { type: 'string', value: 'A,B', text: 'addresses or networks refused' },
    },
    run: createKey,
  },
  {
    name: 'key revoke',
    positionals: ['KEY'],
    summary: 'end a key at once, named by its prefix, its id or itself',
    options: {},
    run: revokeKey,
  },
  { name: 'key list', positionals: [], summary: 'all keys, by prefix', options: {}, run: listKeys },
];

async function createKey({ options, client, json, output }: Call): Promise<number> {
  const made = await client().send<MadeKey>(
    'POST',
    '/admin/v1/keys',
    given({
      user: requiredOption(options, 'user'),
      group: requiredOption(options, 'group'),
      name: textOption(options, 'name'),
      expiresAt: textOption(options, 'expires'),
      allowedModels: listOption(options, 'models'),
      ipAllow: listOption(options, 'ip-allow'),
      ipDeny: listOption(options, 'ip-deny'),
    }),
  );
  await output.out(json ? JSON.stringify(made) : made.key);
  if (!json) await output.note(`key ${made.prefix}… made (id ${made.id}); it is shown this once only`);
  return 0;
}

async function revokeKey({ positionals, client, json, output }: Call): Promise<number> {
  const revoked = await client().send<{ id: number; prefix: string }>('POST', '/admin/v1/keys/revoke', {
    key: positionals[0],
  });
  await output.out(json ? JSON.stringify(revoked) : `key ${revoked.prefix}… (id ${revoked.id}) is revoked`);
  return 0;
}

async function listKeys({ client, json, output }: Call): Promise<number> {
  const { keys } = await client().get<{ keys: KeyRow[] }>('/admin/v1/keys');
  const table = renderTable<KeyRow>(
    [
      { title: 'id', cell: (key) => key.id },
      { title: 'prefix', cell: (key) => `${key.prefix}…` },
      { title: 'name', cell: (key) => key.name || null },
      { title: 'user', cell: (key) => key.user },
      { title: 'group', cell: (key) => key.group },
      { title: 'status', cell: (key) => key.status },
      { title: 'expires', cell: (key) => key.expiresAt },
    ],
    keys,
    'There are no keys.',
  );
  await output.out(json ? JSON.stringify(keys) : table);
  return 0;
}
