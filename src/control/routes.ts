/**
 * Every path of the control port in one table. `*` in a path is one segment, handed to the handler decoded.
 */
import { type AdminBody, type adminBodies, readAdminBody } from '#config/admin-bodies.ts';
import {
  listAccounts,
  listGroups,
  listUsers,
  putAccount,
  putGroup,
  putUser,
  setAccountStatus,
  tryAccount,
} from './admin-catalog.ts';
import { createKey, listKeys, revokeKey } from './admin-keys.ts';
import { flushUsage, readUsage, runChecks } from './admin-usage.ts';
import type { ControlContext } from './context.ts';
import { json, problem, type Reply } from './reply.ts';

export interface ControlRequest {
  /** The segment that `*` stood for; '' when the path has none. */
  name: string;
  query: URLSearchParams;
  /** Parsed JSON; undefined when there was no body. */
  body: unknown;
}

type Handler = (context: ControlContext, request: ControlRequest) => Promise<Reply>;

interface Route {
  method: string;
  path: string;
  handle: Handler;
}

const A = '/admin/v1';

/** Behind the admin token, all of them. */
const ROUTES: readonly Route[] = [
  { method: 'GET', path: `${A}/users`, handle: (context) => listUsers(context) },
  { method: 'POST', path: `${A}/users`, handle: withBody('user', (context, body) => putUser(context, body)) },
  { method: 'GET', path: `${A}/groups`, handle: (context) => listGroups(context) },
  { method: 'POST', path: `${A}/groups`, handle: withBody('group', (context, body) => putGroup(context, body)) },
  { method: 'GET', path: `${A}/accounts`, handle: (context) => listAccounts(context) },
  { method: 'POST', path: `${A}/accounts`, handle: withBody('account', (context, body) => putAccount(context, body)) },
  {
    method: 'PATCH',
    path: `${A}/accounts/*`,
    handle: withBody('accountStatus', (context, body, { name }) => setAccountStatus(context, name, body)),
  },
  { method: 'POST', path: `${A}/accounts/*/test`, handle: (context, { name }) => tryAccount(context, name) },
  { method: 'GET', path: `${A}/keys`, handle: (context) => listKeys(context) },
  { method: 'POST', path: `${A}/keys`, handle: withBody('key', (context, body) => createKey(context, body)) },
  { method: 'POST', path: `${A}/keys/revoke`, handle: withBody('revoke', (context, body) => revokeKey(context, body)) },
  { method: 'GET', path: `${A}/usage`, handle: (context, { query }) => readUsage(context, query) },
  { method: 'POST', path: `${A}/flush`, handle: (context) => flushUsage(context) },
  { method: 'GET', path: `${A}/doctor`, handle: (context) => runChecks(context) },
];

export type FoundRoute = { handle: Handler; name: string } | { allow: string[] };

/** `allow` is empty when nothing is at this path, else the methods that it takes. */
export function findRoute(method: string, path: string): FoundRoute {
  const allow: string[] = [];
  for (const route of ROUTES) {
    const name = matchPath(route.path, path);
    if (name === null) continue;
    if (route.method === method) return { handle: route.handle, name };
    allow.push(route.method);
  }
  return { allow };
}

/** /healthz: the process answers. /readyz: it takes requests. Neither tells more than a balancer may know. */
export function probeReply(path: string, context: ControlContext): Reply | null {
  if (path === '/healthz') return json(200, { status: 'ok' });
  if (path !== '/readyz') return null;
  const readiness = context.readiness();
  return json(readiness.ready ? 200 : 503, readiness);
}

function withBody<Name extends keyof typeof adminBodies>(
  shape: Name,
  handle: (context: ControlContext, body: AdminBody<Name>, request: ControlRequest) => Promise<Reply>,
): Handler {
  return async (context, request) => {
    const { value, problems } = readAdminBody(shape, request.body ?? {});
    return problems === null ? handle(context, value, request) : problem(400, 'the body is not valid', problems);
  };
}

/** The segment behind `*`, '' when there is none, null when the path does not match. */
function matchPath(pattern: string, path: string): string | null {
  const wanted = pattern.split('/');
  const given = path.split('/');
  if (wanted.length !== given.length) return null;
  let name = '';
  for (const [index, part] of wanted.entries()) {
    const segment = given[index]!;
    if (part === '*' && segment !== '') name = segment;
    else if (part !== segment) return null;
  }
  return decodeSegment(name);
}

function decodeSegment(segment: string): string | null {
  try {
    return decodeURIComponent(segment);
  } catch {
    return null;
  }
}
