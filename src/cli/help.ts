/**
 * The help texts of the CLI.
 */
import type { Command, OptionHelp } from './command.ts';

/** Taken by every command. */
export const COMMON_OPTIONS = {
  config: { type: 'string', value: 'FILE', text: 'configuration file of the gateway' },
  data: { type: 'string', value: 'DIR', text: 'its data folder (default: as configured)' },
  control: {
    type: 'string',
    value: 'URL',
    text: 'its control port (default: from the data folder, or PENSTOCK_CONTROL)',
  },
  token: { type: 'string', value: 'TEXT', text: 'its admin token (default: from the data folder, or PENSTOCK_TOKEN)' },
  json: { type: 'boolean', text: 'print JSON' },
  help: { type: 'boolean', text: 'this text' },
} as const satisfies Record<string, OptionHelp>;

export function overviewHelp(commands: readonly Command[]): string {
  const lines = commands.map((command): [string, string] => [signature(command), command.summary]);
  return [
    'Usage: npm run --silent penstock -- COMMAND [options]',
    '',
    'Commands:',
    ...columns(lines),
    '',
    'Options of every command:',
    ...optionLines(COMMON_OPTIONS),
    '',
    'COMMAND --help says more. Exit codes: 0 done, 1 failed, 2 typed wrongly.',
  ].join('\n');
}

export function commandHelp(command: Command): string {
  const own = Object.keys(command.options).length > 0 ? ['Options:', ...optionLines(command.options), ''] : [];
  return [
    `Usage: penstock ${signature(command)} [options]`,
    '',
    `  ${command.summary}`,
    '',
    ...own,
    'Options of every command:',
    ...optionLines(COMMON_OPTIONS),
  ].join('\n');
}

export function signature(command: Command): string {
  return [command.name, ...command.positionals].join(' ');
}

function optionLines(options: Readonly<Record<string, OptionHelp>>): string[] {
  return columns(
    Object.entries(options).map(([name, { value, text }]) => [
      `--${name}${value === undefined ? '' : ` ${value}`}`,
      text,
    ]),
  );
}

function columns(lines: readonly (readonly [string, string])[]): string[] {
  const wide = Math.max(...lines.map(([left]) => left.length));
  return lines.map(([left, right]) => `  ${left.padEnd(wide)}  ${right}`);
}
