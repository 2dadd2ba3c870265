/**
 * Watches the fronts' heartbeats. A thread that takes no turns cannot be ended from outside (that aborts the process), so:
 *
 *   ticking ──silent for stallMs──► stalled ──silent for twice that──► stuck (told once; a new gateway process is the cure)
 *      ▲                               │
 *      └────────────── beats ──────────┘
 *
 * Silence is what was looked at, not what a clock says: when the whole process stood still, primary did too, and the pause counts
 * as one look. Primary only.
 */
import { nowMs } from '#base/clock.ts';
import type { Heartbeats } from '#coordinate/local/heartbeats.ts';

const LOOK_EVERY_MS = 500;
/** Most that one look adds to a silence. */
const LOOK_MS_MAX = 2 * LOOK_EVERY_MS;

export interface WatchEvents {
  /** `stalled` false: it takes turns again, or it is gone. */
  onStalled(front: number, stalled: boolean): void;
  /** Silent for twice the bound. Called once a front. */
  onStuck(front: number): void;
}

interface Watched {
  beats: number;
  silentMs: number;
  state: 'ticking' | 'stalled' | 'stuck';
}

export class FrontWatch {
  readonly #beats: Pick<Heartbeats, 'count'>;
  readonly #stallMs: number;
  readonly #events: WatchEvents;
  readonly #watched = new Map<number, Watched>();
  readonly #timer: NodeJS.Timeout;
  #lookedAtMs: number;

  constructor(beats: Pick<Heartbeats, 'count'>, stallMs: number, events: WatchEvents) {
    this.#beats = beats;
    this.#stallMs = stallMs;
    this.#events = events;
    this.#lookedAtMs = nowMs();
    this.#timer = setInterval(() => this.look(nowMs()), LOOK_EVERY_MS);
  }

  /** Fronts that do not take turns now. */
  get stalled(): number[] {
    return [...this.#watched].filter(([, { state }]) => state !== 'ticking').map(([front]) => front);
  }

  /** A front listens. */
  watch(front: number): void {
    this.#watched.set(front, { beats: this.#beats.count(front), silentMs: 0, state: 'ticking' });
  }

  /** A front's thread has ended. */
  forget(front: number): void {
    const known = this.#watched.get(front);
    this.#watched.delete(front);
    if (known !== undefined && known.state !== 'ticking') this.#events.onStalled(front, false);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#watched.clear();
  }

  look(now: number): void {
    const passedMs = Math.min(now - this.#lookedAtMs, LOOK_MS_MAX);
    this.#lookedAtMs = now;
    for (const [front, watched] of this.#watched) this.#lookAt(front, watched, passedMs);
  }

  #lookAt(front: number, watched: Watched, passedMs: number): void {
    const beats = this.#beats.count(front);
    if (beats !== watched.beats) {
      watched.beats = beats;
      watched.silentMs = 0;
      if (watched.state === 'ticking') return;
      watched.state = 'ticking';
      return this.#events.onStalled(front, false);
    }
    watched.silentMs += passedMs;
    if (watched.state === 'ticking' && watched.silentMs >= this.#stallMs) {
      watched.state = 'stalled';
      this.#events.onStalled(front, true);
    }
    if (watched.state === 'stalled' && watched.silentMs >= 2 * this.#stallMs) {
      watched.state = 'stuck';
      this.#events.onStuck(front);
    }
  }
}
