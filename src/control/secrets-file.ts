/**
 * `secrets.json` in the data folder: what was generated here and must be the same after a restart. Mode 0600, written
 * atomically. Primary writes it; the CLI reads the admin token from it.
 *
 *   {"adminToken": TEXT, "demoKey": KEY, "linkKey": TEXT}       each only once it was needed
 */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { generateKey } from '#auth/key.ts';
import { PRIVATE_MODE, readTextFile, writeFileAtomic } from '#base/atomic-file.ts';
import { StartupError } from '#base/startup-error.ts';

export interface GeneratedSecrets {
  adminToken: string | null;
  demoKey: string | null;
  /** Signs links to media. */
  linkKey: string | null;
}

const TOKEN_RANDOM_BYTES = 32;

/** Throws StartupError when the file is there but cannot be used: overwriting it would lock operators out. */
export function readSecrets(dataDir: string): GeneratedSecrets {
  const path = join(dataDir, 'secrets.json');
  try {
    const stored = JSON.parse(readTextFile(path) ?? '{}') as Record<string, unknown>;
    return {
      adminToken: textOrNull(stored['adminToken']),
      demoKey: textOrNull(stored['demoKey']),
      linkKey: textOrNull(stored['linkKey']),
    };
  } catch (error) {
    throw new StartupError(`${path} cannot be used: ${(error as Error).message}`);
  }
}

/** The generated admin token, made at the first call. */
export function ensureAdminToken(dataDir: string): string {
  const secrets = readSecrets(dataDir);
  return (
    secrets.adminToken ?? keep(dataDir, secrets, 'adminToken', randomBytes(TOKEN_RANDOM_BYTES).toString('base64url'))
  );
}

/** What signs links to media, made at the first call: links that were given out hold over restarts. */
export function ensureLinkKey(dataDir: string): string {
  const secrets = readSecrets(dataDir);
  return secrets.linkKey ?? keep(dataDir, secrets, 'linkKey', randomBytes(TOKEN_RANDOM_BYTES).toString('base64url'));
}

/** The key of the demo user, made at the first call: restarts print the same one. */
export function ensureDemoKey(dataDir: string): string {
  const secrets = readSecrets(dataDir);
  return secrets.demoKey ?? keep(dataDir, secrets, 'demoKey', generateKey());
}

function keep(dataDir: string, secrets: GeneratedSecrets, name: keyof GeneratedSecrets, value: string): string {
  const all = { ...secrets, [name]: value };
  const present = Object.fromEntries(Object.entries(all).filter(([, text]) => text !== null));
  writeFileAtomic(join(dataDir, 'secrets.json'), `${JSON.stringify(present, null, 2)}\n`, PRIVATE_MODE);
  return value;
}

function textOrNull(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}
