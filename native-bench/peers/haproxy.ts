/**
 * HAProxy as a bare reverse proxy: one thread, kept-alive connections to the server, no log. It streams by nature. Everything it
 * writes goes into a temporary folder of its own.
 */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../test/support/free-port.ts';
import type { Contender, StartOptions } from './contender.ts';
import { startProxy } from './proxy-process.ts';

const CONNECTIONS_MAX = 8_192;

function configuration(port: number, upstream: string, caFile: string | undefined): string {
  const { host, protocol } = new URL(upstream);
  const tls = protocol === 'https:' ? ` ssl verify required ca-file ${caFile ?? '@system-ca'}` : '';
  return `
global
  nbthread 1
  maxconn ${CONNECTIONS_MAX}
defaults
  mode http
  timeout connect 5s
  timeout client 120s
  timeout server 120s
  timeout http-keep-alive 120s
  option http-no-delay
  http-reuse always
frontend clients
  bind 127.0.0.1:${port}
  default_backend upstream
backend upstream
  server mock ${host}${tls} pool-max-conn -1
`;
}

export async function startHaproxy(upstream: string, { caFile }: StartOptions): Promise<Contender> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-haproxy-'));
  const port = await freePort();
  const file = join(folder, 'haproxy.cfg');
  writeFileSync(file, configuration(port, upstream, caFile));
  return startProxy({ name: 'HAProxy', program: 'haproxy', args: ['-q', '-db', '-f', file], folder, port });
}
