/**
 * nginx as a bare reverse proxy: one worker, kept-alive upstream connections, no buffering, no log; everything it writes goes
 * into a temporary folder of its own.
 */
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../test/support/free-port.ts';
import { openFilesMax } from '../memory/resident.ts';
import type { Contender, StartOptions } from './contender.ts';
import { startProxy } from './proxy-process.ts';

const CONNECTIONS_MAX = 32_768;

function configuration(folder: string, port: number, upstream: string, caFile: string | undefined): string {
  const { host, protocol } = new URL(upstream);
  const verify = `proxy_ssl_verify on; proxy_ssl_trusted_certificate ${caFile}; proxy_ssl_name localhost; proxy_ssl_session_reuse on;`;
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `  ${name}_temp_path ${folder}/temp;`)
    .join('\n');
  return `
worker_processes 1;
daemon off;
${process.getuid?.() === 0 ? 'user root;' : ''}
pid ${folder}/nginx.pid;
error_log ${folder}/error.log warn;
events { worker_connections ${Math.min(CONNECTIONS_MAX, openFilesMax())}; }
http {
  access_log off;
${temporary}
  client_body_buffer_size 2m;
  client_max_body_size 64m;
  upstream mock {
    server ${host};
    keepalive 1024;
    keepalive_requests 1000000000;
    keepalive_time 24h;
    keepalive_timeout 8s;
  }
  server {
    listen 127.0.0.1:${port};
    keepalive_requests 1000000000;
    location / {
      proxy_pass ${protocol}//mock;
      ${protocol === 'https:' ? verify : ''}
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
    }
  }
}
`;
}

export async function startNginx(upstream: string, { caFile }: StartOptions): Promise<Contender> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-nginx-'));
  mkdirSync(join(folder, 'temp'));
  const port = await freePort();
  writeFileSync(join(folder, 'nginx.conf'), configuration(folder, port, upstream, caFile));
  const args = ['-p', folder, '-c', join(folder, 'nginx.conf'), '-e', join(folder, 'error.log')];
  return startProxy({ name: 'nginx', program: 'nginx', args, folder, port });
}
