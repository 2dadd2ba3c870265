/**
 * The operator command: finds the command, reads its options, runs it, turns what goes wrong into a line on standard error and an
 * exit code. A process of its own; talks to the gateway over its control port only.
 */
import { parseArgs } from 'node:util';
import { StartupError } from '#base/startup-error.ts';
import { nearestName } from '#config/nearest-name.ts';
import { accountCommands } from './account-commands.ts';
import { type Call, CliError, type Command, type OptionValues } from './command.ts';
import { configCommands } from './config-commands.ts';
import { findControl } from './control-client.ts';
import { COMMON_OPTIONS, commandHelp, overviewHelp, signature } from './help.ts';
import { keyCommands } from './key-commands.ts';
import { type Output, processOutput } from './output.ts';
import { type Environment, Settings } from './settings.ts';
import { usageCommands } from './usage-commands.ts';
import { userCommands } from './user-commands.ts';

export const COMMANDS: readonly Command[] = [
  ...userCommands,
  ...keyCommands,
  ...accountCommands,
  ...usageCommands,
  ...configCommands,
];

/** Resolves to the exit code: 0 done, 1 failed, 2 typed wrongly. */
export async function runCli(
  argv: readonly string[],
  output: Output = processOutput(),
  env: Environment = process.env,
): Promise<number> {
  try {
    return await run(argv, output, env);
  } catch (error) {
    if (!(error instanceof CliError || error instanceof StartupError)) throw error;
    await output.note(`penstock: ${error.message}`);
    return error instanceof CliError ? error.exitCode : 1;
  }
}

async function run(argv: readonly string[], output: Output, env: Environment): Promise<number> {
  const [first] = argv;
  if (first === undefined || first === 'help' || first === '--help' || first === '-h') {
    await output.out(overviewHelp(COMMANDS));
    return first === undefined ? 2 : 0;
  }
  const command = findCommand(argv);
  const { values, positionals } = readArguments(command, argv);
  if (values['help'] === true) {
    await output.out(commandHelp(command));
    return 0;
  }
  if (positionals.length !== command.positionals.length) {
    throw new CliError(`usage: penstock ${signature(command)} [options] (see --help)`, 2);
  }
  return command.run(callOf(values, positionals, output, env));
}

function callOf(values: OptionValues, positionals: readonly string[], output: Output, env: Environment): Call {
  const text = (name: string) => values[name] as string | undefined;
  const settings = new Settings(
    { config: text('config'), data: text('data'), control: text('control'), token: text('token') },
    env,
  );
  return {
    positionals,
    options: values,
    json: values['json'] === true,
    output,
    settings,
    client: () => findControl(settings),
  };
}

/** The command whose words `argv` begins with; two words win over one. */
function findCommand(argv: readonly string[]): Command {
  const words = argv.slice(0, 2).filter((word) => !word.startsWith('-'));
  for (const typed of [words.join(' '), words[0]]) {
    const command = COMMANDS.find(({ name }) => name === typed);
    if (command !== undefined) return command;
  }
  const family = COMMANDS.filter(({ name }) => name.startsWith(`${words[0]} `));
  if (family.length > 0)
    throw new CliError(`usage: penstock ${family.map(({ name }) => name).join(' | ')} (see --help)`, 2);
  const near = nearestName(
    words.join(' '),
    COMMANDS.map(({ name }) => name),
  );
  const hint = near === null ? 'see --help' : `did you mean ${near}?`;
  throw new CliError(`there is no command ${words.join(' ')}; ${hint}`, 2);
}

function readArguments(command: Command, argv: readonly string[]): { values: OptionValues; positionals: string[] } {
  const args = argv.slice(command.name.split(' ').length);
  const options = Object.fromEntries(
    Object.entries({ ...COMMON_OPTIONS, ...command.options }).map(([name, { type }]) => [name, { type }]),
  );
  try {
    const { values, positionals } = parseArgs({ args, options, allowPositionals: true });
    return { values: values as OptionValues, positionals };
  } catch (error) {
    const unknown = /Unknown option '--([^' ]+)/.exec((error as Error).message)?.[1];
    const near = unknown === undefined ? null : nearestName(unknown, Object.keys(options));
    const hint = near === null ? '(see --help)' : `(did you mean --${near}?)`;
    throw new CliError(`${(error as Error).message.split('. ')[0]} ${hint}`, 2);
  }
}
