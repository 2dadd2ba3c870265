/** The paths of the data port that are relayed, and what they take. (`/healthz` is the listener's own.) Pure. */

export type Route = 'messages';

export interface RouteMatch {
  readonly route: Route | null;
  /** For 405: the methods that the path does take, as an `allow` header; '' when the path is unknown. */
  readonly allow: string;
}

const ROUTES: Readonly<Record<string, { route: Route; methods: readonly string[] }>> = {
  '/v1/messages': { route: 'messages', methods: ['post'] },
};

export function matchRoute(method: string, path: string): RouteMatch {
  const entry = Object.hasOwn(ROUTES, path) ? ROUTES[path] : undefined;
  if (entry === undefined) return { route: null, allow: '' };
  if (!entry.methods.includes(method)) return { route: null, allow: entry.methods.join(', ').toUpperCase() };
  return { route: entry.route, allow: '' };
}
