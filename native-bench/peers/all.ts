/** Every contender by its name. A module is loaded when its contender takes part, so that none needs what another one brings. */
import type { ContenderName } from '../scenarios/scenario.ts';
import type { Contender, StartOptions } from './contender.ts';

type Start = (upstream: string, options: StartOptions) => Promise<Contender>;

const STARTS: Record<Exclude<ContenderName, 'before'>, () => Promise<Start>> = {
  Penstock: async () => (await import('./penstock.ts')).startPenstock,
  nginx: async () => (await import('./nginx.ts')).startNginx,
  HAProxy: async () => (await import('./haproxy.ts')).startHaproxy,
  'uWS forwarder': async () => (await import('./forwarders.ts')).startUwsForwarder,
  'http forwarder': async () => (await import('./forwarders.ts')).startHttpForwarder,
  Portkey: async () => (await import('./portkey.ts')).startPortkey,
};

export const CONTENDERS: readonly ContenderName[] = [
  'Penstock',
  'before',
  'nginx',
  'HAProxy',
  'uWS forwarder',
  'http forwarder',
  'Portkey',
];

export async function startPeer(
  name: ContenderName,
  upstream: string,
  options: StartOptions,
  against: string | null,
): Promise<Contender> {
  if (name !== 'before') return (await STARTS[name]())(upstream, options);
  if (against === null) throw new Error('--against names no other checkout');
  const { startPenstock } = await import('./penstock.ts');
  return startPenstock(upstream, options, { name, root: against });
}
