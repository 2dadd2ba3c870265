/**
 * Who can serve what: for each group and model the candidate accounts as typed arrays, best priority first, so that choosing
 * allocates nothing. Built on a front from the catalog's snapshot, by use, thrown away with it.
 *
 * All candidates of a plan speak one protocol: the client's own where any account of the group does, else the first of those that can
 * stand in for it. Where the group says which platform serves a model, only that platform's accounts are candidates.
 */

import { longestMatch, matchesModel } from '#base/model-pattern.ts';
import { PLATFORM_PROTOCOLS, type Platform, type Protocol } from '#base/protocols.ts';
import { hashModel } from '#coordinate/local/account-health.ts';
import type { Snapshot, SnapshotAccount } from '#threads/protocol.ts';
import { isForeign } from './platform-models.ts';

/** Different models remembered for one group; an unknown model is a name that a client may invent, so there is a bound. */
const MODELS_MAX = 1000;

export interface Plan {
  /** What the candidates speak. */
  readonly protocol: Protocol;
  readonly modelHash: number;
  /** Same index everywhere below, ascending priority number (lower goes first). */
  readonly accounts: readonly SnapshotAccount[];
  readonly rows: Int32Array;
  readonly concurrency: Int32Array;
  /** Accounts of one priority are a tier: the index behind the last of each. */
  readonly tierEnds: Int32Array;
  /** Where the next look into each tier begins (`choose.ts` moves it). */
  readonly cursors: Int32Array;
  /** Index of the account with this id, -1 when it is no candidate. */
  indexOf(accountId: number): number;
}

interface GroupPlans {
  readonly members: readonly SnapshotAccount[];
  readonly platform: Platform;
  readonly modelPlatforms: Readonly<Record<string, Platform>>;
  /** Its accounts are of several platforms: one that lists no models is not taken to serve another platform's. */
  readonly isMixed: boolean;
  /** By the list of protocols (always the same few), then by model. */
  readonly plans: Map<readonly Protocol[], Map<string, Plan>>;
  /** The same of those that also speak over WebSockets. */
  readonly socketPlans: Map<readonly Protocol[], Map<string, Plan>>;
}

export class Plans {
  readonly version: number;
  readonly #groups = new Map<number, GroupPlans>();
  readonly #accounts: ReadonlyMap<number, SnapshotAccount>;

  constructor(snapshot: Snapshot) {
    this.version = snapshot.version;
    const byId = new Map(snapshot.accounts.map((account) => [account.id, account]));
    this.#accounts = byId;
    for (const group of snapshot.groups) {
      const members = group.accounts
        .map((id) => byId.get(id))
        .filter((account): account is SnapshotAccount => account !== undefined && account.status === 'active')
        .sort((a, b) => a.priority - b.priority || a.id - b.id);
      const isMixed = new Set(members.map(({ platform }) => platform)).size > 1;
      const { platform, modelPlatforms } = group;
      const [plans, socketPlans] = [new Map(), new Map()];
      this.#groups.set(group.id, { members, platform, modelPlatforms, isMixed, plans, socketPlans });
    }
  }

  /** Accounts of a group that are in use, best priority first; undefined: the group is not in this snapshot. */
  members(groupId: number): readonly SnapshotAccount[] | undefined {
    return this.#groups.get(groupId)?.members;
  }

  /** Undefined: the group is not in this snapshot. */
  platformOf(groupId: number): Platform | undefined {
    return this.#groups.get(groupId)?.platform;
  }

  account(id: number): SnapshotAccount | undefined {
    return this.#accounts.get(id);
  }

  /**
   * The plan of a group for a model, served by the first of the protocols that any of its accounts speaks; it may have no candidates.
   * `servedBy` is one of a few constant lists; '' is any model. `overSocket`: only accounts that speak over WebSockets. Undefined: the
   * group is not in this snapshot.
   */
  find(groupId: number, model: string, servedBy: readonly Protocol[], overSocket = false): Plan | undefined {
    const group = this.#groups.get(groupId);
    if (group === undefined) return undefined;
    const lists = overSocket ? group.socketPlans : group.plans;
    let plans = lists.get(servedBy);
    if (plans === undefined) {
      plans = new Map();
      lists.set(servedBy, plans);
    }
    const known = plans.get(model);
    if (known !== undefined) return known;
    const plan = buildPlan(group, model, servedBy, overSocket);
    if (plans.size >= MODELS_MAX) plans.clear();
    plans.set(model, plan);
    return plan;
  }
}

function buildPlan(group: GroupPlans, model: string, servedBy: readonly Protocol[], overSocket: boolean): Plan {
  const { members, modelPlatforms, isMixed } = group;
  const platform = longestMatch(modelPlatforms, model);
  const serving = members.filter(
    (account) =>
      (model === '' || serves(account, model, isMixed)) &&
      (platform === undefined || account.platform === platform) &&
      (!overSocket || hasSocket(account)),
  );
  for (const protocol of servedBy) {
    const accounts = serving.filter((account) => speaks(account, protocol));
    if (accounts.length > 0) return planOf(accounts, model, protocol);
  }
  return planOf([], model, servedBy[0]!);
}

function serves({ models, platform }: SnapshotAccount, model: string, isMixed: boolean): boolean {
  return models === null ? !(isMixed && isForeign(platform, model)) : matchesModel(models, model);
}

function speaks({ platform, protocols }: SnapshotAccount, protocol: Protocol): boolean {
  return (protocols ?? PLATFORM_PROTOCOLS[platform]).includes(protocol);
}

function hasSocket({ settings, platform }: SnapshotAccount): boolean {
  const { websocket } = settings;
  return websocket === undefined ? platform === 'openai' : websocket === true;
}

function planOf(accounts: readonly SnapshotAccount[], model: string, protocol: Protocol): Plan {
  const tierEnds = tiersOf(accounts);
  const indexById = new Map(accounts.map(({ id }, index) => [id, index]));
  return {
    indexOf: (accountId) => indexById.get(accountId) ?? -1,
    protocol,
    modelHash: hashModel(model),
    accounts,
    rows: Int32Array.from(accounts, (account) => account.row),
    concurrency: Int32Array.from(accounts, (account) => account.concurrency),
    tierEnds: Int32Array.from(tierEnds),
    cursors: Int32Array.from([0, ...tierEnds.slice(0, -1)]),
  };
}

/** For what only one account has, in use or not: what it made. Null: it is in this snapshot no more. */
export function planOfAccount(plans: Plans, accountId: number): Plan | null {
  const account = plans.account(accountId);
  return account === undefined ? null : planOf([account], '', 'sora');
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
