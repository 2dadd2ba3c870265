/**
 * The ready file: one JSON object that says where a running gateway is, for scripts and for the operator command. It exists
 * while traffic is accepted and is rewritten whenever the gateway process is replaced.
 *
 *   {"gateway": URL, "control": URL, "pid": supervisor, "gatewayPid": N, "demoKey": key or null}
 *
 * Supervisor process writes it. Mode 0600: a demo key opens the gateway.
 */
import { renameSync, rmSync, writeFileSync } from 'node:fs';

export interface ReadyState {
  readonly gateway: string;
  readonly control: string;
  /** The supervisor: signals go there. */
  readonly pid: number;
  readonly gatewayPid: number;
  readonly demoKey: string | null;
}

/** Written beside and renamed: a reader sees the old object or the new one, never half of one. */
export function writeReadyFile(path: string, state: ReadyState): void {
  const partial = `${path}.${process.pid}.partial`;
  writeFileSync(partial, `${JSON.stringify(state)}\n`, { mode: 0o600 });
  renameSync(partial, path);
}

export function removeReadyFile(path: string): void {
  rmSync(path, { force: true });
}
