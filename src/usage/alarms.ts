/**
 * Alarms of the usage pipeline, told once when they go on or change their text and once when they go off. The usage-writer only.
 */
export type UsageAlarm =
  | 'database_away'
  | 'journal_near_bound'
  | 'journal_failed'
  | 'default_partition'
  | 'poison_record';

export type TellAlarm = (alarm: UsageAlarm, on: boolean, text: string) => void;

export class Alarms {
  readonly #tell: TellAlarm;
  readonly #on = new Map<UsageAlarm, string>();

  constructor(tell: TellAlarm) {
    this.#tell = tell;
  }

  textOf(alarm: UsageAlarm): string | null {
    return this.#on.get(alarm) ?? null;
  }

  raise(alarm: UsageAlarm, text: string): void {
    if (this.#on.get(alarm) === text) return;
    this.#on.set(alarm, text);
    this.#tell(alarm, true, text);
  }

  clear(alarm: UsageAlarm): void {
    if (this.#on.delete(alarm)) this.#tell(alarm, false, '');
  }
}
