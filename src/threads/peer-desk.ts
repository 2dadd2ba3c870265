/**
 * This gateway process beside the one before and the one after it: takes over from the one, hands over to the other, both at the same
 * time if need be. Joins the two sides with primary's tables, the usage-writer and the supervisor's channel. Primary only.
 */
import type { Logger } from '#base/logger.ts';
import type { Database } from '#store/database.ts';
import { loadUserLimits } from '#store/load-user-limits.ts';
import type { FrontCrew } from './front-crew.ts';
import { HandingOver } from './handing-over.ts';
import type { PrimaryTables } from './primary-tables.ts';
import type { FrontToPrimary, Handover, PeerMessage } from './protocol.ts';
import { TakingOver } from './taking-over.ts';

export interface PeerDeskParts {
  tables: PrimaryTables;
  crew: FrontCrew;
  database: Database;
  log: Logger;
  /** Resolves once the journals of processes that have ended are in PostgreSQL. */
  readonly adopt: () => Promise<void>;
  send(message: PeerMessage): void;
}

export class PeerDesk {
  readonly #parts: PeerDeskParts;
  readonly #handing: HandingOver;
  readonly #taking: TakingOver;

  constructor(parts: PeerDeskParts) {
    const { tables, database, log, send } = parts;
    this.#parts = parts;
    this.#handing = new HandingOver(tables, {
      send,
      answerFront: (front, id, granted) => parts.crew.tell(front, { type: 'borrowed', id, granted }),
    });
    this.#taking = new TakingOver(tables, { loadUsers: (ids) => loadUserLimits(database, ids), send, log });
  }

  receive(message: PeerMessage): void {
    if (message.type === 'lent') this.#handing.receive(message);
    else this.#taking.receive(message);
  }

  takeOver(handover: Handover): Promise<void> {
    return this.#taking.begin(handover);
  }

  predecessorEnded(): Promise<void> {
    return this.#taking.ended(this.#parts.adopt);
  }

  handOver(): Handover {
    return this.#handing.begin();
  }

  borrow(front: number, { id, userRow, nanoUsd }: Extract<FrontToPrimary, { type: 'borrow' }>): void {
    this.#handing.ask(front, id, userRow, nanoUsd);
  }

  /** The process that should have taken over has failed. What it may have served is put into the books first. */
  resume(): Promise<void> {
    this.#handing.end();
    return this.#taking.resumed(this.#parts.adopt);
  }

  stop(): void {
    this.#handing.stop();
  }
}
