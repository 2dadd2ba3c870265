/**
 * What the CLI knows before it does anything: options that every command takes, the environment, and, when a command needs it, the
 * configuration.
 */
import { resolve } from 'node:path';
import { type LoadedConfig, loadConfig } from '#config/load.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

export interface CommonOptions {
  config: string | undefined;
  data: string | undefined;
  control: string | undefined;
  token: string | undefined;
}

export class Settings {
  readonly env: Environment;
  readonly options: CommonOptions;
  #loaded: LoadedConfig | null = null;

  constructor(options: CommonOptions, env: Environment) {
    this.options = options;
    this.env = env;
  }

  get configPath(): string | null {
    return this.options.config === undefined ? null : resolve(this.options.config);
  }

  /** Throws ConfigError. */
  loaded(): LoadedConfig {
    this.#loaded ??= loadConfig({ configPath: this.configPath, env: this.env });
    return this.#loaded;
  }

  /** Absolute path of the data folder. */
  dataDir(): string {
    return resolve(this.options.data ?? this.loaded().config.data);
  }
}
