/**
 * Looks at the certificate and key of the data port before any thread needs them: the server itself says of every fault only that
 * it has failed. Primary, at start.
 */
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { ConfigError } from './config-error.ts';
import type { Config } from './schema.ts';
import { reveal } from './secret.ts';

/** Throws ConfigError that names the file and what is wrong with it. */
export function checkTlsFiles({ tls }: Config['listen']): void {
  if (tls === null) return;
  const cert = read('listen.tls.certFile', tls.certFile);
  const key = read('listen.tls.keyFile', tls.keyFile);
  const passphrase = tls.passphrase === null ? undefined : reveal(tls.passphrase);
  try {
    createSecureContext({ cert, key, ...(passphrase === undefined ? {} : { passphrase }) });
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? (error as Error).message;
    throw new ConfigError([`listen.tls: ${tls.certFile} and ${tls.keyFile} cannot be used together (${reason})`]);
  }
}

function read(name: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new ConfigError([`${name}: cannot read ${path} (${(error as NodeJS.ErrnoException).code})`]);
  }
}
