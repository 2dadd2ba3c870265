/**
 * Which headers cross the gateway, both ways by allow-list: hop-by-hop headers, credentials, cookies, addresses and an account's
 * own quota never do. Unknown `anthropic-*` headers pass: clients add new ones faster than gateways learn them. Pure.
 */
const REQUEST_NAMES = new Set(['accept', 'content-type', 'user-agent', 'x-app']);
const REQUEST_PREFIXES = ['anthropic-', 'x-stainless-', 'x-claude-code-'];

/** Client → upstream; names are lower case. */
export function mayForwardRequestHeader(name: string): boolean {
  return REQUEST_NAMES.has(name) || REQUEST_PREFIXES.some((prefix) => name.startsWith(prefix));
}

const RESPONSE_NAMES = ['content-type', 'cache-control'];
/** Only with answers that concern the caller's own request. */
const CALLER_FAULT_NAMES = ['retry-after', 'x-should-retry'];
/** What a response's reader must keep for `copyResponseHeaders`. */
export const READ_BY_POLICY: readonly string[] = [...RESPONSE_NAMES, ...CALLER_FAULT_NAMES];

/** Upstream → client: appends name, value pairs to `into`. */
export function copyResponseHeaders(
  headers: Readonly<Record<string, string | string[] | undefined>>,
  callerFault: boolean,
  into: string[],
): void {
  copyNamed(headers, RESPONSE_NAMES, into);
  if (callerFault) copyNamed(headers, CALLER_FAULT_NAMES, into);
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
