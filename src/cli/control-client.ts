/**
 * Talks to the control port of a running gateway. It is found by `--control` and `--token`, by PENSTOCK_CONTROL and
 * PENSTOCK_TOKEN, or by what the gateway left in its data folder: `control.json` (address) and `secrets.json` (token).
 */
import { reveal } from '#config/secret.ts';
import { readAnnouncement } from '#control/announce.ts';
import { readSecrets } from '#control/secrets-file.ts';
import { CliError } from './command.ts';
import type { Settings } from './settings.ts';

/** A flush waits for PostgreSQL; everything else answers at once. */
const TIMEOUT_MS = 120_000;

export interface ControlClient {
  readonly url: string;
  get<T>(path: string): Promise<T>;
  send<T>(method: 'POST' | 'PATCH', path: string, body?: unknown): Promise<T>;
}

/** Throws CliError when no gateway is named and none runs on the data folder. */
export function findControl(settings: Settings): ControlClient {
  const url = settings.options.control ?? settings.env['PENSTOCK_CONTROL'] ?? announcedUrl(settings);
  const token = settings.options.token ?? settings.env['PENSTOCK_TOKEN'] ?? knownToken(settings);
  const base = url.replace(/\/+$/, '');
  if (!URL.canParse(base)) throw new CliError(`${url} is not the address of a control port`, 2);
  return {
    url: base,
    get: (path) => call(base, token, 'GET', path),
    send: (method, path, body) => call(base, token, method, path, body),
  };
}

function announcedUrl(settings: Settings): string {
  const dataDir = settings.dataDir();
  const announcement = readable(dataDir, () => readAnnouncement(dataDir));
  if (announcement !== null) return announcement.url;
  throw new CliError(
    `no gateway runs on the data folder ${dataDir}; start one with npm start, or name it with --config, --data or --control`,
  );
}

function knownToken(settings: Settings): string {
  const { token } = settings.loaded().config.control;
  if (token !== null) return reveal(token);
  const dataDir = settings.dataDir();
  const { adminToken } = readable(dataDir, () => readSecrets(dataDir));
  if (adminToken === null) throw new CliError(`there is no admin token in ${dataDir}; give one with --token`);
  return adminToken;
}

function readable<T>(dataDir: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    const hint = 'run this as the user that runs the gateway, or use --control and --token';
    throw new CliError(`the data folder ${dataDir} cannot be read (${(error as Error).message}); ${hint}`);
  }
}

async function call<T>(base: string, token: string, method: string, path: string, body?: unknown): Promise<T> {
  const response = await request(base, path, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    body: body === undefined ? null : JSON.stringify(body),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  const text = await response.text();
  if (!response.ok) throw new CliError(errorText(response.status, text));
  return JSON.parse(text) as T;
}

async function request(base: string, path: string, options: RequestInit): Promise<Response> {
  try {
    return await fetch(base + path, options);
  } catch (error) {
    const cause = (error as Error).cause as NodeJS.ErrnoException | undefined;
    throw new CliError(`the gateway at ${base} does not answer (${cause?.code ?? (error as Error).message})`);
  }
}

function errorText(status: number, text: string): string {
  try {
    const { error } = JSON.parse(text) as { error: { message: string; problems?: string[] } };
    const { message, problems = [] } = error;
    if (problems.length === 1) return problems[0]!;
    return [message, ...problems.map((problem) => `  - ${problem}`)].join('\n');
  } catch {
    return `the gateway answered with status ${status}`;
  }
}
