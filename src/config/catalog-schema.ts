/**
 * The `catalog` part of a configuration file: a deployment described in text, applied at start by name, never deleting what it
 * does not name. Primary applies it (`control/apply-catalog.ts`); threads never see it.
 */
import { X509Certificate } from 'node:crypto';
import { z } from 'zod';
import { PLATFORMS, PROTOCOLS } from '#base/protocols.ts';
import { secretSchema } from './secret.ts';

const name = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/)
  .meta({ expected: 'a name: 1 to 64 letters, digits, dots, dashes and underscores, starting with a letter or digit' });

const model = z.string().min(1).max(128).describe('A model name, or a prefix with a trailing `*`.');
/** Null by default: a restart must not undo what an operator disabled. */
const status = z.enum(['active', 'disabled']).nullable().default(null);

export const networkSchema = z
  .union([z.cidrv4(), z.cidrv6(), z.ipv4(), z.ipv6()])
  .meta({ expected: 'an IP address or a network such as 10.0.0.0/8' });

const baseUrl = z
  .url({ protocol: /^https?$/ })
  .refine((text) => isBareBase(text))
  .meta({ expected: 'an http:// or https:// address without credentials, query or fragment' });

/** Inline, not a path: the catalog is shared by hosts, and a certificate is no secret. */
const caPem = z
  .string()
  .max(65_536)
  .refine((text) => areCertificates(text))
  .meta({ expected: 'one or more certificates in PEM (-----BEGIN CERTIFICATE-----)' });

const when = z
  .union([z.iso.datetime({ offset: true }), z.iso.date()])
  .meta({ expected: 'a time such as 2027-01-31T00:00:00Z or a date such as 2027-01-31' });

/** US dollars: a decimal text is exact at any size, a number as exact as its shortest decimal form. */
const usd = z
  .union([z.number().min(0).max(999_999_999), z.string().regex(/^\d{1,9}(\.\d{1,9})?$/)])
  .meta({ expected: 'US dollars from 0 to 999999999, at most 9 decimals' });

const multiplier = z
  .number()
  .min(0)
  .max(1000)
  .refine((value) => Math.abs(value * 1e6 - Math.round(value * 1e6)) < 1e-6)
  .meta({ expected: 'a number from 0 to 1000 with at most 6 decimals' });

/** At most 256 patterns. */
const modelPlatforms = z
  .record(model, z.enum(PLATFORMS))
  .refine((map) => Object.keys(map).length <= 256)
  .meta({ expected: `a mapping of at most 256 model names to ${PLATFORMS.join(', ')}` });

const settings = z
  .record(z.string().regex(/^[a-z][A-Za-z0-9]{0,63}$/), z.union([z.string().max(1024), z.number(), z.boolean()]))
  .refine((map) => Object.keys(map).length <= 64)
  .meta({ expected: 'a mapping of at most 64 names to texts, numbers or booleans' });

const group = z.strictObject({
  name: name.describe('Name of the group; keys and accounts refer to it.'),
  platform: z.enum(PLATFORMS).default('anthropic').describe('Platform of the accounts of this group.'),
  rateMultiplier: multiplier.default(1).describe('What a user pays, as a multiple of the price of the tokens.'),
  modelPlatforms: modelPlatforms
    .default({})
    .describe(
      'Which platform serves a model, by name or prefix with a trailing `*`, where accounts of several are in the group.',
    ),
});

const account = z.strictObject({
  name: name.describe('Name of the account.'),
  platform: z.enum(PLATFORMS).default('anthropic').describe('Whose API the upstream speaks.'),
  type: z.enum(['apikey']).default('apikey').describe('How the account authenticates.'),
  baseUrl: baseUrl.describe('Address of the upstream, without the path of the API.'),
  apiKey: secretSchema.describe('Key sent to the upstream.').meta({ secret: true }),
  ca: caPem
    .nullable()
    .default(null)
    .describe(
      "Certificates of the upstream's private authority, as PEM text; trusted in place of the public ones. Verification is never off.",
    ),
  concurrency: z.int().min(1).max(65_535).default(10).describe('Requests in flight at once.'),
  priority: z.int().min(0).max(1000).default(10).describe('Smaller is used first.'),
  groups: z.array(name).max(64).default([]).describe('Groups that may use the account.'),
  models: z.array(model).max(256).nullable().default(null).describe('Models served; null serves all.'),
  modelMap: z.record(model, model).default({}).describe("Client's model name to the upstream's."),
  protocols: z
    .array(z.enum(PROTOCOLS))
    .min(1)
    .max(PROTOCOLS.length)
    .nullable()
    .default(null)
    .describe('Protocols that the upstream speaks; null is all of its platform.'),
  settings: settings
    .default({})
    .describe(
      'What only one kind of account needs, by name; listings show it, so no secrets. ' +
        '`websocket`: it speaks Responses over WebSockets (true where left out for platform openai). ' +
        '`reportsUsage`: its answers say their usage (true where left out); of those of an account where it is false the tokens are ' +
        'counted here (tokenizer.*), and estimated by bytes where that cannot be done in time.',
    ),
  status: status.describe('A disabled account takes no new requests; null leaves it as it is, a new one is active.'),
});

const user = z.strictObject({
  name: name.describe('Name of the user.'),
  balanceUsd: usd
    .default(0)
    .describe('Opening balance, entered once when the user is created; a later change is reported, not applied.'),
  concurrency: z.int().min(1).max(65_535).default(10).describe('Requests in flight at once.'),
  status: status.describe('A disabled user is refused; null leaves it as it is, a new one is active.'),
});

const key = z.strictObject({
  user: name.describe('User who pays.'),
  group: name.describe('Group whose accounts are used.'),
  key: z
    .string()
    .regex(/^[\x21-\x7e]{1,256}$/)
    .transform((secret) => ({ secret }))
    .meta({ secret: true, expected: '1 to 256 printable characters without spaces' })
    .describe('The key itself; only its SHA-256 and a display prefix are stored.'),
  name: z.string().max(64).default('').describe('A note for people.'),
  expiresAt: when.nullable().default(null).describe('End of validity; null never expires.'),
  allowedModels: z.array(model).max(256).nullable().default(null).describe('Models allowed; null allows all.'),
  ipAllow: z.array(networkSchema).max(256).nullable().default(null).describe('Networks allowed; null allows all.'),
  ipDeny: z.array(networkSchema).max(256).nullable().default(null).describe('Networks refused; deny wins over allow.'),
});

export const catalogSchema = z.strictObject({
  groups: z.array(group).max(1024).default([]).describe('Groups: pools of accounts with one price.'),
  accounts: z.array(account).max(65_536).default([]).describe('Upstream accounts.'),
  users: z.array(user).max(65_536).default([]).describe('Users: who pays.'),
  keys: z.array(key).max(65_536).default([]).describe('API keys of users.'),
});

export type CatalogConfig = z.output<typeof catalogSchema>;
export type CatalogGroup = z.output<typeof group>;
export type CatalogAccount = z.output<typeof account>;
export type CatalogUser = z.output<typeof user>;
export type CatalogKey = z.output<typeof key>;

/** The parts of the catalog, for the reference page and for the bodies of the admin API. */
export const catalogParts = { groups: group, accounts: account, users: user, keys: key } as const;

function isBareBase(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && url.username === '' && url.password === '' && url.search === '' && url.hash === '';
}

function areCertificates(text: string): boolean {
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g);
  try {
    for (const block of blocks ?? []) new X509Certificate(block);
  } catch {
    return false;
  }
  return blocks !== null;
}
