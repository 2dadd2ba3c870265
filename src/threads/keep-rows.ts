/** The keeper of rows, joined with primary's tables, desks and fronts. Primary only. */
import type { Logger } from '#base/logger.ts';
import type { CatalogKeeper } from './catalog-keeper.ts';
import type { FrontCrew } from './front-crew.ts';
import type { PrimaryTables } from './primary-tables.ts';
import type { PrincipalDesk } from './principal-desk.ts';
import { RowKeeper } from './row-keeper.ts';

export interface KeptBy {
  tables: PrimaryTables;
  keeper: CatalogKeeper;
  desk: PrincipalDesk;
  crew: FrontCrew;
  log: Logger;
}

export function keepRows({ tables, keeper, desk, crew, log }: KeptBy): RowKeeper {
  return new RowKeeper({
    rows: { users: tables.users.rows, accounts: tables.accounts.rows },
    isIdle: (kind, row) => tables.isIdle(kind, row),
    isListed: (accountId) => keeper.isListed(accountId),
    forgetUsers: (userIds) => desk.forgetUsers(userIds),
    clear: (kind, row) => tables.clear(kind, row),
    fronts: () => crew.indexes,
    tell: (front, message) => crew.tell(front, message),
    log,
  });
}
