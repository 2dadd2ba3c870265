/** The bare forwarders of our own stack, each a process of its own: nothing between client and upstream. */
import { startFile, stopChild } from '../rig/child.ts';
import type { Contender, StartOptions } from './contender.ts';

export function startUwsForwarder(upstream: string, options: StartOptions): Promise<Contender> {
  return startForwarder('uWS forwarder', 'peers/uws-forwarder.ts', upstream, options);
}

export function startHttpForwarder(upstream: string, options: StartOptions): Promise<Contender> {
  return startForwarder('http forwarder', 'peers/http-forwarder.ts', upstream, options);
}

async function startForwarder(
  name: string,
  file: string,
  upstream: string,
  { caFile = '' }: StartOptions,
): Promise<Contender> {
  const { child, pid, url } = await startFile(file, [upstream, caFile]);
  return { name, url, pids: () => [pid], behindPids: () => [], stop: () => stopChild(child) };
}
