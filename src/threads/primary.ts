/**
 * Composition root of primary, the main thread of the gateway process: the gateway as one object (`gateway.ts`) and the supervisor's
 * messages that move it. Never relays.
 *
 *   start ─► prepared ─takeOver─► serving ─handOver─► handed over ─drain(not final)─► leaving ─► exit 0
 *                                    ▲                    │
 *                                    └──────resume────────┘         drain(final), or the supervisor is gone: leaving, from anywhere
 *
 * Primary never calls `process.exit` while a front lives: the process would abort.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createLogger, type Logger } from '#base/logger.ts';
import { loadConfig } from '#config/load.ts';
import type { Config } from '#config/schema.ts';
import { Gateway, type GatewayParts } from './gateway.ts';
import type { PrimaryOptions } from './primary-options.ts';
import type { GatewayToSupervisor, Handover, SupervisorToGateway } from './protocol.ts';
import { workerThreads } from './thread-starter.ts';

export type Surroundings = Pick<GatewayParts, 'threads' | 'onStuck' | 'tellPeer'>;

/** The gateway of this process, with its configuration; nothing of it has begun yet. */
export function makeGateway(
  options: PrimaryOptions,
  around: Surroundings,
): { gateway: Gateway; config: Config; log: Logger } {
  const { config, catalog } = loadConfig({ configPath: options.configPath, env: process.env });
  const log = createLogger({ level: config.log.level, thread: 'primary' });
  mkdirSync(join(options.dataDir, 'journal'), { recursive: true, mode: 0o700 });
  process.on('uncaughtException', (error) => failProcess(log, error));
  process.on('unhandledRejection', (error) => failProcess(log, error));
  return { gateway: new Gateway({ config, catalog, options, log, ...around }), config, log };
}

/** Resolves when the gateway serves; it then ends by itself once it is told to drain or its supervisor is gone. */
export async function runPrimary(options: PrimaryOptions): Promise<void> {
  const onStuck = (front: number): void => tellSupervisor({ type: 'stuck', front });
  const tellPeer = (message: Extract<GatewayToSupervisor, { type: 'peer' }>['message']): void =>
    tellSupervisor({ type: 'peer', message });
  const { gateway, config, log } = makeGateway(options, { threads: workerThreads, onStuck, tellPeer });
  const turn = Promise.withResolvers<Handover | null>();
  const leaving = new Leaving(gateway, log);
  process.on('disconnect', () => leaving.begin(config.shutdown.drainMs, true));
  process.on('message', (message: SupervisorToGateway) => {
    switch (message.type) {
      case 'takeOver':
        return turn.resolve(message.handover);
      case 'handOver':
        return tellSupervisor({ type: 'handover', handover: gateway.handOver() });
      case 'resume':
        return void gateway
          .resume()
          .catch((error: Error) => log.error({ err: error }, 'the control port stays closed'));
      case 'drain':
        return leaving.begin(message.deadlineMs, message.final);
      case 'predecessorEnded':
        return void gateway.predecessorEnded();
      case 'peer':
        return gateway.receivePeer(message.message);
    }
  });
  try {
    await gateway.prepare();
    tellSupervisor({ type: 'prepared' });
    const ready = await gateway.takeOver(await turn.promise);
    tellSupervisor({ type: 'ready', ...ready });
  } catch (error) {
    if (leaving.begun) return;
    await gateway.drain(0, true);
    throw error;
  }
}

function tellSupervisor(message: GatewayToSupervisor): void {
  process.send?.(message, undefined, undefined, () => {});
}

class Leaving {
  readonly #gateway: Gateway;
  readonly #log: Logger;
  begun = false;

  constructor(gateway: Gateway, log: Logger) {
    this.#gateway = gateway;
    this.#log = log;
  }

  /** A second call may be sooner, or final. */
  begin(deadlineMs: number, final: boolean): void {
    const gone = this.#gateway.drain(deadlineMs, final);
    if (this.begun) return;
    this.begun = true;
    gone
      .then(() => this.#gateway.leave())
      .then(() => process.exit(0))
      .catch((error: Error) => failProcess(this.#log, error));
  }
}

/** A bug in primary: nothing can be trusted any more. The supervisor starts a new process; the journal holds what was served. */
function failProcess(log: Logger, error: unknown): void {
  log.fatal({ err: error }, 'primary failed');
  void sleep(0).then(() => process.abort());
}
