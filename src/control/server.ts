/**
 * The control port: health, metrics, admin API. Run by primary on node:http; data traffic never comes here. Everything but
 * /healthz, /readyz and /metrics wants the admin token.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { StartupError } from '#base/startup-error.ts';
import { UnknownName } from '#store/unknown-name.ts';
import { createTokenCheck, type TokenCheck } from './admin-token.ts';
import type { ControlContext } from './context.ts';
import { createMetrics, type MetricsPage } from './metrics.ts';
import { readJsonBody } from './read-body.ts';
import { problem, type Reply } from './reply.ts';
import { findRoute, probeReply } from './routes.ts';

const CONNECTIONS_MAX = 256;
const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 30_000;
/** Open answers may finish within this when the server closes. */
const CLOSE_MS = 1_000;

export interface ControlServerOptions {
  host: string;
  /** 0 takes any free one. */
  port: number;
  /** Admin token. */
  token: string;
  context: ControlContext;
}

export interface ControlServer {
  /** Without a trailing slash. */
  url: string;
  port: number;
  /** Stops listening, lets open answers finish for a moment, ends the rest. */
  close(): Promise<void>;
}

interface Desk {
  context: ControlContext;
  authorized: TokenCheck;
  metrics: MetricsPage;
}

/** Throws StartupError when the address cannot be listened on. */
export async function startControlServer(options: ControlServerOptions): Promise<ControlServer> {
  const { context } = options;
  const desk: Desk = { context, authorized: createTokenCheck(options.token), metrics: createMetrics(context) };
  const server = createServer((request, response) => void serve(desk, request, response));
  server.maxConnections = CONNECTIONS_MAX;
  server.headersTimeout = HEADERS_TIMEOUT_MS;
  server.requestTimeout = REQUEST_TIMEOUT_MS;
  await listen(server, options);
  const { port } = server.address() as AddressInfo;
  const host = options.host.includes(':') ? `[${options.host}]` : options.host;
  return { url: `http://${host}:${port}`, port, close: () => close(server) };
}

async function serve(desk: Desk, request: IncomingMessage, response: ServerResponse): Promise<void> {
  let reply: Reply;
  try {
    reply = await answer(desk, request);
  } catch (error) {
    if (request.destroyed && !request.complete) return;
    reply = faultReply(error as Error, desk.context);
  }
  send(request, response, reply);
}

async function answer({ context, authorized, metrics }: Desk, request: IncomingMessage): Promise<Reply> {
  const url = URL.parse(request.url ?? '/', 'http://control');
  if (url === null) return problem(400, 'the request target is not valid');
  const method = request.method ?? 'GET';
  if (method === 'GET' || method === 'HEAD') {
    const probe = probeReply(url.pathname, context);
    if (probe !== null) return probe;
    if (url.pathname === '/metrics') {
      return { status: 200, contentType: metrics.contentType, text: await metrics.render() };
    }
  }
  if (!authorized(request.headers.authorization)) return problem(401, 'the admin token is missing or wrong');
  const route = findRoute(method, url.pathname);
  if ('allow' in route) {
    if (route.allow.length === 0) return problem(404, 'there is nothing at this path');
    return problem(405, `this path takes ${route.allow.join(', ')}`);
  }
  const read = await readJsonBody(request);
  if ('refusal' in read) return read.refusal;
  return route.handle(context, { name: route.name, query: url.searchParams, body: read.body });
}

function faultReply(error: Error, { log }: ControlContext): Reply {
  if (error instanceof UnknownName) return problem(404, error.message);
  if (isDatabaseAway(error)) return problem(503, 'PostgreSQL does not answer');
  log.error({ err: error }, 'an admin request failed');
  return problem(500, 'an unexpected fault happened; the log says more');
}

/** Connection faults of the system and of the driver; 57P is PostgreSQL shutting down or starting, 57014 its statement limit. */
function isDatabaseAway(error: Error): boolean {
  const code = String((error as NodeJS.ErrnoException).code ?? '');
  return /^(E(CONN|PIPE|HOST|TIMEDOUT)|CONNECT|57P0|57014)/.test(code);
}

function send(request: IncomingMessage, response: ServerResponse, { status, contentType, text }: Reply): void {
  response.writeHead(status, {
    'content-type': contentType,
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
    // What was not read of a refused body must not be taken for the next request.
    ...(request.complete ? {} : { connection: 'close' }),
  });
  response.end(request.method === 'HEAD' ? undefined : text);
}

function listen(server: Server, { host, port }: ControlServerOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(new StartupError(`The control port cannot listen on ${host}:${port} (${error.code ?? error.message})`));
    });
    server.listen(port, host, () => resolve());
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => server.closeAllConnections(), CLOSE_MS);
    server.close(() => {
      clearTimeout(timer);
      resolve();
    });
    server.closeIdleConnections();
  });
}
