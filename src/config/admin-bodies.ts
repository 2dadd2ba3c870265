/**
 * Bodies of the admin API: the same shapes and bounds as the catalog of a configuration file, so that one cannot make what the
 * other refuses. Runs in the control server.
 */
import { z } from 'zod';
import { catalogParts } from './catalog-schema.ts';
import { explainIssues } from './explain.ts';

export const adminBodies = {
  user: catalogParts.users,
  group: catalogParts.groups,
  account: catalogParts.accounts,
  key: catalogParts.keys.omit({ key: true }),
  revoke: z.strictObject({
    key: z.string().min(1).max(256).meta({ expected: 'a display prefix, an id, or the key itself', secret: true }),
  }),
  accountStatus: z.strictObject({ status: z.enum(['active', 'disabled']) }),
  nothing: z.strictObject({}),
} as const;

export type AdminBody<Name extends keyof typeof adminBodies> = z.output<(typeof adminBodies)[Name]>;

export type BodyResult<T> = { value: T; problems: null } | { value: null; problems: string[] };

/** Checks a parsed body; the problems are sentences for its sender, without values of secrets. */
export function readAdminBody<Name extends keyof typeof adminBodies>(
  name: Name,
  input: unknown,
): BodyResult<AdminBody<Name>> {
  const schema = adminBodies[name];
  const parsed = schema.safeParse(input);
  if (parsed.success) return { value: parsed.data as AdminBody<Name>, problems: null };
  return { value: null, problems: explainIssues(schema, input, parsed.error.issues, () => null) };
}
