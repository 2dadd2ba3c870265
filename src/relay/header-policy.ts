/**
 * Which headers cross the gateway, both ways by allow-list: hop-by-hop headers, credentials, cookies, addresses and an account's
 * own quota never do. Unknown headers of a protocol's own prefix pass: clients add new ones faster than gateways learn them. What a
 * client says to one vendor reaches only accounts of its protocol, because nothing crosses into another (`edge/upstream-call.ts`). Pure.
 */
const REQUEST_NAMES = new Set([
  'accept',
  'content-type',
  'user-agent',
  'x-app',
  // Codex, of all ages: some of its names have underscores.
  'conversation_id',
  'originator',
  'session-id',
  'session_id',
  'thread-id',
  'version',
  'x-client-request-id',
  // Gemini
  'x-goog-api-client',
  'x-server-timeout',
]);
const REQUEST_PREFIXES = [
  'anthropic-',
  'x-stainless-',
  'x-claude-code-',
  'openai-',
  'x-openai-',
  'x-codex-',
  'x-gemini-',
];
/** They name the account's owner: the account's own key says whose it is. */
const OWNERS = new Set(['openai-organization', 'openai-project', 'anthropic-organization-id']);

/** What the prefixes begin with. */
const [A, O, X] = [0x61, 0x6f, 0x78];

/** Client → upstream; names are lower case. */
export function mayForwardRequestHeader(name: string): boolean {
  if (REQUEST_NAMES.has(name)) return true;
  // Most names of a request begin otherwise.
  const first = name.charCodeAt(0);
  if (first !== X && first !== A && first !== O) return false;
  for (const prefix of REQUEST_PREFIXES) if (name.startsWith(prefix)) return !OWNERS.has(name);
  return false;
}

/** `x-codex-turn-state` is what Codex hands back with its next request of a turn. */
const RESPONSE_NAMES = ['content-type', 'cache-control', 'x-codex-turn-state', 'openai-model', 'x-models-etag'];
/** Only with answers that concern the caller's own request. */
const CALLER_FAULT_NAMES = ['retry-after', 'x-should-retry'];
/** With a file behind a link. */
const FILE_NAMES = ['cache-control', 'accept-ranges', 'content-range'];
/** What a response's reader must keep for what is copied here. */
export const READ_BY_POLICY: readonly string[] = [...RESPONSE_NAMES, ...CALLER_FAULT_NAMES, ...FILE_NAMES];

/** Upstream → client: appends name, value pairs to `into`. */
export function copyResponseHeaders(
  headers: Readonly<Record<string, string | string[] | undefined>>,
  callerFault: boolean,
  into: string[],
): void {
  copyNamed(headers, RESPONSE_NAMES, into);
  if (callerFault) copyNamed(headers, CALLER_FAULT_NAMES, into);
}

const MEDIA_TYPE = /^(image\/(?!svg)|video\/|application\/json\b)/i;

/** The same for a file behind a link: whatever its host says, a browser runs nothing of it. */
export function copyFileHeaders(
  headers: Readonly<Record<string, string | string[] | undefined>>,
  into: string[],
): void {
  const type = headers['content-type'];
  into.push('content-type', typeof type === 'string' && MEDIA_TYPE.test(type) ? type : 'application/octet-stream');
  into.push('x-content-type-options', 'nosniff');
  copyNamed(headers, FILE_NAMES, into);
}

function copyNamed(
  headers: Readonly<Record<string, string | string[] | undefined>>,
  names: readonly string[],
  into: string[],
): void {
  for (const name of names) {
    const value = headers[name];
    if (value !== undefined) into.push(name, typeof value === 'string' ? value : value.join(', '));
  }
}
