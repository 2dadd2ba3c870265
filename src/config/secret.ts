/**
 * Secrets inside the configuration: `{ secret: string }`, plain data that survives structured clone to workers, and a shape
 * that printers and loggers recognise, so that the value never reaches a screen or a log by accident.
 * Runs on every thread; does no I/O.
 */
import { z } from 'zod';

/** A secret value. Read it with `reveal`, and only where it is used. */
export interface Secret {
  readonly secret: string;
}

/** What stands in for a secret wherever it would be printed. */
export const SECRET_MARK = '***';

/** In a file a secret is written as text; the loader wraps it. `meta.secret` keeps its value out of error messages. */
export const secretSchema = z
  .string()
  .min(1)
  .max(4096)
  .transform((secret): Secret => ({ secret }))
  .meta({ secret: true });

export function makeSecret(value: string): Secret {
  return { secret: value };
}

export function reveal(secret: Secret): string {
  return secret.secret;
}

export function isSecret(value: unknown): value is Secret {
  if (typeof value !== 'object' || value === null) return false;
  const keys = Object.keys(value);
  return keys.length === 1 && keys[0] === 'secret' && typeof (value as Secret).secret === 'string';
}
