/**
 * The arguments of a start: `penstock start`, or no command at all. Supervisor process, at boot.
 */
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { StartupError } from '#base/startup-error.ts';

export interface StartOptions {
  /** Absolute path of the operator's configuration file; null when none was named. */
  readonly configPath: string | null;
  /** Absolute path; null when nobody asked for one (the data folder gets one in any case). */
  readonly readyFile: string | null;
  readonly help: boolean;
}

export const START_HELP = `Usage: npm start -- [options]

Starts the gateway. Without a configuration file it runs on an embedded PostgreSQL with a demo account;
with ANTHROPIC_API_KEY set (and ANTHROPIC_BASE_URL, if it is not the default) that account is real.

Options:
  --config FILE      configuration file (YAML), laid over config/default.yaml
  --ready-file FILE  write addresses and process ids there, as JSON, once traffic is accepted
  --help             this text

Signals: SIGTERM and SIGINT finish open answers, then exit 0; a second one ends at once.
         SIGHUP reads the configuration again: another gateway process takes over, open answers finish in the old one.
Operator commands: npm run penstock -- --help
`;

/** Throws StartupError for an option that does not exist. */
export function parseStartOptions(argv: readonly string[]): StartOptions {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: { config: { type: 'string' }, 'ready-file': { type: 'string' }, help: { type: 'boolean', short: 'h' } },
    });
    return {
      configPath: values.config === undefined ? null : resolve(values.config),
      readyFile: values['ready-file'] === undefined ? null : resolve(values['ready-file']),
      help: values.help ?? false,
    };
  } catch (error) {
    throw new StartupError(`${(error as Error).message.split('. ')[0]} (see --help)`);
  }
}
