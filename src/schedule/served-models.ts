/**
 * The models that the accounts of a group serve, as far as they have names: those that an account lists or maps, and of the names that the
 * gateway has prices for those that fit an account's patterns. An account without a list serves what its platform makes. Pure.
 */
import { matchesModel } from '#base/model-pattern.ts';
import type { SnapshotAccount } from '#threads/protocol.ts';
import { makesModel } from './platform-models.ts';

/** Sorted, each once. `known`: every name and alias of the price table. */
export function servedModels(accounts: readonly SnapshotAccount[], known: Iterable<string>): string[] {
  const names = new Set<string>();
  for (const { models, modelMap } of accounts) {
    for (const name of [...(models ?? []), ...Object.keys(modelMap)]) if (!name.endsWith('*')) names.add(name);
  }
  for (const name of known) if (accounts.some((account) => serves(account, name))) names.add(name);
  return [...names].sort();
}

function serves({ models, platform }: SnapshotAccount, name: string): boolean {
  return models === null ? makesModel(platform, name) : matchesModel(models, name);
}
