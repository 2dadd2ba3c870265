/**
 * Who can serve what: for each group and model the candidate accounts as typed arrays, best priority first, so that choosing
 * allocates nothing. Built on a front from the catalog's snapshot, by use, thrown away with it.
 */

import { matchesModel } from '#base/model-pattern.ts';
import { hashModel } from '#coordinate/local/account-health.ts';
import type { Snapshot, SnapshotAccount } from '#threads/protocol.ts';

/** Different models remembered for one group; an unknown model is a name that a client may invent, so there is a bound. */
const MODELS_MAX = 1000;

export interface Plan {
  readonly modelHash: number;
  /** Same index everywhere below, ascending priority number (lower goes first). */
  readonly accounts: readonly SnapshotAccount[];
  readonly rows: Int32Array;
  readonly concurrency: Int32Array;
  /** Accounts of one priority are a tier: the index behind the last of each. */
  readonly tierEnds: Int32Array;
  /** Where the next look into each tier begins (`choose.ts` moves it). */
  readonly cursors: Int32Array;
}

export class Plans {
  readonly version: number;
  readonly #groups = new Map<number, { members: SnapshotAccount[]; plans: Map<string, Plan> }>();

  constructor(snapshot: Snapshot) {
    this.version = snapshot.version;
    const byId = new Map(snapshot.accounts.map((account) => [account.id, account]));
    for (const group of snapshot.groups) {
      const members = group.accounts
        .map((id) => byId.get(id))
        .filter((account): account is SnapshotAccount => account !== undefined && account.status === 'active')
        .sort((a, b) => a.priority - b.priority || a.id - b.id);
      this.#groups.set(group.id, { members, plans: new Map() });
    }
  }

  /** The plan of a group for a model; it may have no candidates. Undefined: the group is not in this snapshot. */
  find(groupId: number, model: string): Plan | undefined {
    const entry = this.#groups.get(groupId);
    if (entry === undefined) return undefined;
    const known = entry.plans.get(model);
    if (known !== undefined) return known;
    const plan = buildPlan(entry.members, model);
    if (entry.plans.size >= MODELS_MAX) entry.plans.clear();
    entry.plans.set(model, plan);
    return plan;
  }
}

function buildPlan(members: readonly SnapshotAccount[], model: string): Plan {
  const accounts = members.filter((account) => account.models === null || matchesModel(account.models, model));
  const tierEnds = tiersOf(accounts);
  return {
    modelHash: hashModel(model),
    accounts,
    rows: Int32Array.from(accounts, (account) => account.row),
    concurrency: Int32Array.from(accounts, (account) => account.concurrency),
    tierEnds: Int32Array.from(tierEnds),
    cursors: Int32Array.from([0, ...tierEnds.slice(0, -1)]),
  };
}

function tiersOf(accounts: readonly SnapshotAccount[]): number[] {
  const ends: number[] = [];
  accounts.forEach(({ priority }, i) => {
    if (priority !== accounts[i + 1]?.priority) ends.push(i + 1);
  });
  return ends;
}

/** The model name as an account's upstream knows it. */
export function upstreamModel(account: SnapshotAccount, model: string): string {
  return Object.hasOwn(account.modelMap, model) ? account.modelMap[model]! : model;
}
