/**
 * The old process's side of a reload: from the moment when another takes over, nothing is admitted here that the other does not
 * know of, and what ends here is given back to it at once.
 *
 *   begin ─► every limit is lowered to what is in use, every balance to what is outstanding ─► Handover
 *   every 10 ms ─► a place or money that became free, with nobody waiting   ─► returned    (limit and balance are lowered first)
 *               └► places that exchanges wait for, money that one lacks     ─► borrow ─► lent: limit and balance are raised
 *   end   ─► the other has failed: everything as the catalog says again
 *
 * The sum over both processes never exceeds a limit: what is lent is booked there before it is used here, and what is returned is
 * taken off here before it is used there. `begin` may come again, for a third process when the second has died: what was asked of
 * the second is asked again. Primary only.
 */
import { nowMs } from '#base/clock.ts';
import type { SlotTable } from '#coordinate/local/slot-table.ts';
import type { PrimaryTables } from './primary-tables.ts';
import type { Handover, Holdings, PeerMessage } from './protocol.ts';

const TICK_MS = 10;
/** Money that was lent waits this long for the exchange that asked before it counts as free. */
const LENT_MS = 500;

interface MoneyWish {
  readonly userRow: number;
  readonly nanoUsd: bigint;
  readonly front: number;
  readonly frontId: number;
}

export interface HandingOverExits {
  send(message: PeerMessage): void;
  answerFront(front: number, id: number, granted: boolean): void;
}

/** Places of one table: what the other process has booked for us, and what we have asked it for. */
interface PlaceBooks {
  readonly booked: number[];
  /** Row → places that were asked for; the answer is on its way. */
  readonly asked: Map<number, number>;
  /** Rows whose last answer was less than asked for: the rest is owed to us. */
  readonly owed: Set<number>;
}

export class HandingOver {
  readonly #tables: PrimaryTables;
  readonly #exits: HandingOverExits;
  readonly #users: PlaceBooks = { booked: [], asked: new Map(), owed: new Set() };
  readonly #accounts: PlaceBooks = { booked: [], asked: new Map(), owed: new Set() };
  readonly #wishes = new Map<number, MoneyWish>();
  readonly #unsent = new Set<number>();
  /** User row → when money was last lent for it. */
  readonly #lentAtMs = new Map<number, number>();
  #wishId = 0;
  #timer: NodeJS.Timeout | null = null;

  constructor(tables: PrimaryTables, exits: HandingOverExits) {
    this.#tables = tables;
    this.#exits = exits;
  }

  begin(): Handover {
    const { users, accounts, handedOver, affinity } = this.#tables;
    // First of all: whoever is refused by what follows asks instead.
    handedOver.set = true;
    users.limits.handOver();
    users.balances.handOver();
    accounts.limits.handOver();
    for (const books of [this.#users, this.#accounts]) forgetAsked(books);
    for (const id of this.#wishes.keys()) this.#unsent.add(id);
    const handover: Handover = { users: [], accounts: [], rests: this.#rests(), affinity: affinity.copy() };
    for (const [id, row] of users.rows.entries()) {
      const places = freeze(users.slots, row, this.#users);
      const nanoUsd = users.ledger.cap(row);
      if (places > 0 || nanoUsd !== 0n) handover.users.push({ id, places, nanoUsd });
    }
    for (const [id, row] of accounts.rows.entries()) {
      const places = freeze(accounts.slots, row, this.#accounts);
      if (places > 0) handover.accounts.push({ id, places });
    }
    this.#timer ??= setInterval(() => this.#tick(), TICK_MS);
    return handover;
  }

  /** A front's exchange that the capped balance does not cover. */
  ask(front: number, frontId: number, userRow: number, nanoUsd: bigint): void {
    if (this.#timer === null) return this.#exits.answerFront(front, frontId, true);
    const id = ++this.#wishId;
    this.#wishes.set(id, { userRow, nanoUsd, front, frontId });
    this.#unsent.add(id);
  }

  receive(message: PeerMessage): void {
    if (message.type !== 'lent' || this.#timer === null) return;
    const { users, accounts } = this.#tables;
    for (const { id, places } of message.holdings.users)
      lent(users.slots, users.rows.find(id)?.row, places, this.#users);
    for (const { id, places } of message.holdings.accounts)
      lent(accounts.slots, accounts.rows.find(id)?.row, places, this.#accounts);
    for (const { id, granted } of message.money) this.#moneyAnswered(id, granted);
  }

  /** The other has failed. Balances stay capped until they are read anew. */
  end(): void {
    this.stop();
    const { users, accounts, handedOver } = this.#tables;
    users.limits.resume();
    accounts.limits.resume();
    users.balances.resume();
    handedOver.set = false;
    for (const books of [this.#users, this.#accounts]) {
      books.booked.length = 0;
      forgetAsked(books);
    }
    for (const id of this.#wishes.keys()) this.#moneyAnswered(id, false);
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  #rests(): Handover['rests'] {
    const { rows, health } = this.#tables.accounts;
    const ids = new Map([...rows.entries()].map(([id, row]) => [row, id]));
    return health
      .rests(rows.size, nowMs())
      .flatMap(({ row, ...rest }) => (ids.has(row) ? [{ accountId: ids.get(row)!, ...rest }] : []));
  }

  #moneyAnswered(id: number, granted: boolean): void {
    const wish = this.#wishes.get(id);
    if (wish === undefined) return;
    this.#wishes.delete(id);
    this.#unsent.delete(id);
    if (granted) {
      this.#tables.users.ledger.cover(wish.userRow, wish.nanoUsd);
      this.#lentAtMs.set(wish.userRow, nowMs());
    }
    this.#exits.answerFront(wish.front, wish.frontId, granted);
  }

  #tick(): void {
    const { users, accounts } = this.#tables;
    const returned: Holdings = { users: [], accounts: [] };
    const wanted: Holdings = { users: [], accounts: [] };
    const userIds = new Map<number, number>();
    for (const [id, row] of users.rows.entries()) {
      const places = balance(users.slots, row, this.#users);
      const nanoUsd = this.#freeMoney(row);
      if (places > 0 || nanoUsd !== 0n) returned.users.push({ id, places: Math.max(0, places), nanoUsd });
      if (places < 0 || waives(users.slots, row, this.#users))
        wanted.users.push({ id, places: Math.max(0, -places), nanoUsd: 0n });
      if (this.#unsent.size > 0) userIds.set(row, id);
    }
    for (const [id, row] of accounts.rows.entries()) {
      const places = balance(accounts.slots, row, this.#accounts);
      if (places > 0) returned.accounts.push({ id, places });
      if (places < 0 || waives(accounts.slots, row, this.#accounts))
        wanted.accounts.push({ id, places: Math.max(0, -places) });
    }
    if (hasAny(returned)) this.#exits.send({ type: 'returned', holdings: returned });
    const money = this.#sendWishes(userIds);
    if (hasAny(wanted) || money.length > 0) this.#exits.send({ type: 'borrow', holdings: wanted, money });
  }

  #freeMoney(row: number): bigint {
    const { ledger } = this.#tables.users;
    if (ledger.available(row) === 0n) return 0n;
    const lentAtMs = this.#lentAtMs.get(row);
    if (lentAtMs !== undefined && nowMs() - lentAtMs < LENT_MS) return 0n;
    this.#lentAtMs.delete(row);
    return ledger.uncover(row);
  }

  #sendWishes(userIds: ReadonlyMap<number, number>): { id: number; userId: number; nanoUsd: bigint }[] {
    const money = [];
    for (const id of this.#unsent) {
      const wish = this.#wishes.get(id)!;
      const userId = userIds.get(wish.userRow);
      if (userId !== undefined) money.push({ id, userId, nanoUsd: wish.nanoUsd });
    }
    this.#unsent.clear();
    return money;
  }
}

function hasAny({ users, accounts }: Holdings): boolean {
  return users.length + accounts.length > 0;
}

/** Lowers the limit to what is in use, and returns that: it is what the other process books for us. */
function freeze(slots: SlotTable, row: number, books: PlaceBooks): number {
  const places = slots.shrink(row);
  books.booked[row] = places;
  return places;
}

/** Positive: places to give back, taken off the limit already. Negative: places to ask for, asked for once at a time. */
function balance(slots: SlotTable, row: number, books: PlaceBooks): number {
  const waiting = slots.waiting(row);
  if (waiting > 0) {
    if (books.asked.has(row) || slots.inUse(row) < slots.limit(row)) return 0;
    books.asked.set(row, waiting);
    return -waiting;
  }
  const booked = books.booked[row] ?? 0;
  if (booked === 0) return 0;
  const inUse = slots.shrink(row);
  if (inUse >= booked) return 0;
  books.booked[row] = inUse;
  return booked - inUse;
}

/** Nobody waits any more for what is owed to us: it is asked for nothing, which ends the debt. */
function waives(slots: SlotTable, row: number, books: PlaceBooks): boolean {
  if (!books.owed.has(row) || books.asked.has(row) || slots.waiting(row) > 0) return false;
  books.asked.set(row, 0);
  return true;
}

function forgetAsked({ asked, owed }: PlaceBooks): void {
  asked.clear();
  owed.clear();
}

function lent(slots: SlotTable, row: number | undefined, places: number, books: PlaceBooks): void {
  if (row === undefined) return;
  if (places < (books.asked.get(row) ?? 0)) books.owed.add(row);
  else books.owed.delete(row);
  books.asked.delete(row);
  if (places === 0) return;
  books.booked[row] = (books.booked[row] ?? 0) + places;
  slots.grow(row, places);
}
