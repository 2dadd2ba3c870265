/** Follows the notifications of the catalog's changes: keys that are wrong now are forgotten, the rest is loaded anew. Primary only. */
import type { Logger } from '#base/logger.ts';
import { type CatalogChange, type CatalogListener, listenCatalog } from '#store/listen-catalog.ts';
import type { CatalogKeeper } from './catalog-keeper.ts';
import type { FrontCrew } from './front-crew.ts';
import type { PrincipalDesk } from './principal-desk.ts';

export interface Followers {
  keeper: CatalogKeeper;
  desk: PrincipalDesk;
  crew: FrontCrew;
  log: Logger;
}

/** Listens first and loads then, so that no change falls between. */
export async function followCatalog(databaseUrl: string, followers: Followers): Promise<CatalogListener> {
  const listener = await listenCatalog(databaseUrl, {
    onChange: (change) => changed(followers, change),
    onLive: (live) => liveness(followers, live),
  });
  try {
    await followers.keeper.reload();
    await followers.desk.learnKeys();
    return listener;
  } catch (error) {
    listener.close();
    throw error;
  }
}

function changed({ keeper, desk, crew }: Followers, { table, keyHashes }: CatalogChange): void {
  if (keyHashes !== undefined) {
    desk.forget(keyHashes);
    crew.tellAll({ type: 'invalidate', keyHashes });
  }
  if (table !== 'keys' && table !== 'users') keeper.reloadSoon();
}

/** The channel was lost: what is cached may be old, so everything is learnt anew when it is back. */
function liveness({ keeper, desk, crew, log }: Followers, live: boolean): void {
  if (!live) {
    log.warn('notifications of catalog changes are lost');
    return desk.distrust();
  }
  desk.renew();
  crew.tellAll({ type: 'invalidate', keyHashes: [] });
  keeper.reloadSoon();
  desk.learnKeys().catch((error: Error) => log.warn({ error: error.message }, 'keys could not be loaded'));
}
