/** What both bare forwarders share: undici's pool towards the upstream of the command line, and what does not travel on. */
import { readFileSync } from 'node:fs';
import { Pool } from 'undici';

/** Below the ten seconds after which the mock closes an idle connection. */
const KEEP_ALIVE_MS = 8_000;

export const HOP_BY_HOP = new Set([
  'host',
  'connection',
  'content-length',
  'transfer-encoding',
  'keep-alive',
  'expect',
]);

/** Arguments: UPSTREAM_URL [CA_FILE]. */
export function poolOf([upstream = '', caFile = '']: string[]): Pool {
  const connect = caFile === '' ? {} : { connect: { ca: readFileSync(caFile, 'utf8') } };
  return new Pool(upstream, { connections: 16_384, pipelining: 1, keepAliveTimeout: KEEP_ALIVE_MS, ...connect });
}

let complained = false;

/** Once: an upstream may fail on purpose. */
export function complain(name: string, error: Error): void {
  if (!complained) process.stderr.write(`${name}: ${error.message} (told once)\n`);
  complained = true;
}
