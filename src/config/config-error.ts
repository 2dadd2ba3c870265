/**
 * What is wrong with a configuration, in words for the person who wrote it. Shown without a stack: the fault is in the
 * configuration, not in the program.
 */
import { StartupError } from '#base/startup-error.ts';

export class ConfigError extends StartupError {
  /** One finding each, complete sentences with path, what was expected, what came and where. */
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.length === 1 ? problems[0]! : ['several things are wrong:', ...problems].join('\n  - '));
    this.problems = problems;
  }
}
