/**
 * What a command of the CLI is: its name, its help and its work. Commands are values in the lists of the `*-commands.ts` files.
 */
import type { ControlClient } from './control-client.ts';
import type { Output } from './output.ts';
import type { Settings } from './settings.ts';

export interface OptionHelp {
  type: 'string' | 'boolean';
  /** What the value is, for the help: `USD`, `NAME,NAME`. */
  value?: string;
  text: string;
}

export type OptionValues = Readonly<Record<string, string | boolean | undefined>>;

/** One call of a command. */
export interface Call {
  positionals: readonly string[];
  options: OptionValues;
  json: boolean;
  output: Output;
  settings: Settings;
  /** The control port of the running gateway; throws CliError when none runs. */
  client(): ControlClient;
}

export interface Command {
  /** Words as typed: `user create`. */
  name: string;
  /** Names of required positional arguments. */
  positionals: readonly string[];
  summary: string;
  options: Readonly<Record<string, OptionHelp>>;
  /** Resolves to the exit code. */
  run(call: Call): Promise<number>;
}

/** Said to the user as one line; the exit code is 1, or 2 when the command was typed wrongly. */
export class CliError extends Error {
  readonly exitCode: 1 | 2;

  constructor(message: string, exitCode: 1 | 2 = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}

export function textOption(options: OptionValues, name: string): string | undefined {
  const value = options[name];
  return typeof value === 'string' ? value : undefined;
}

export function requiredOption(options: OptionValues, name: string): string {
  const value = textOption(options, name);
  if (value === undefined) throw new CliError(`--${name} is required`, 2);
  return value;
}

export function wholeOption(options: OptionValues, name: string): number | undefined {
  const text = textOption(options, name);
  if (text === undefined) return undefined;
  if (!/^\d{1,15}$/.test(text)) throw new CliError(`--${name}: expected a whole number, got ${text}`, 2);
  return Number(text);
}

/** `a,b` → two names; an empty text is an empty list. */
export function listOption(options: OptionValues, name: string): string[] | undefined {
  const text = textOption(options, name);
  if (text === undefined) return undefined;
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

/** `a=b,c=d` → a mapping; what stands behind the first `=` is the value. */
export function pairsOption(options: OptionValues, name: string): Record<string, string> | undefined {
  return listOption(options, name)?.reduce<Record<string, string>>((pairs, pair) => {
    const cut = pair.indexOf('=');
    if (cut < 1 || cut === pair.length - 1) throw new CliError(`--${name}: expected NAME=VALUE, got ${pair}`, 2);
    pairs[pair.slice(0, cut)] = pair.slice(cut + 1);
    return pairs;
  }, {});
}

/** A body without the fields that were not given: the schema of the other side fills in the defaults. */
export function given(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
