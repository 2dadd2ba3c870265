/**
 * The gateway process as one object: everything primary owns, started and ended in order. Primary only.
 */
import { join } from 'node:path';
import type { Logger } from '#base/logger.ts';
import type { CatalogConfig } from '#config/catalog-schema.ts';
import type { Config } from '#config/schema.ts';
import { announceControl } from '#control/announce.ts';
import { applyCatalog } from '#control/apply-catalog.ts';
import type { ControlContext } from '#control/context.ts';
import { seedDemoCatalog } from '#control/demo-catalog.ts';
import { readSecrets } from '#control/secrets-file.ts';
import { startControlServer } from '#control/server.ts';
import { AccountHealth } from '#coordinate/local/account-health.ts';
import { Doorbells } from '#coordinate/local/doorbells.ts';
import { Ledger } from '#coordinate/local/ledger.ts';
import { RowTable } from '#coordinate/local/row-table.ts';
import { SlotTable } from '#coordinate/local/slot-table.ts';
import { TicketBoard } from '#coordinate/local/ticket-board.ts';
import { startMockUpstream } from '#demo/mock-upstream.ts';
import { CounterTable } from '#meter/counters.ts';
import { type Database, openDatabase } from '#store/database.ts';
import { ensurePartitions } from '#store/ensure-partitions.ts';
import { findPrincipals } from '#store/find-principals.ts';
import { listenCatalog } from '#store/listen-catalog.ts';
import { loadCatalog } from '#store/load-catalog.ts';
import { loadKeyHashes } from '#store/load-key-hashes.ts';
import { migrate } from '#store/migrate.ts';
import { CatalogKeeper } from './catalog-keeper.ts';
import { frontCount } from './front-count.ts';
import { FrontCrew } from './front-crew.ts';
import { PrincipalDesk } from './principal-desk.ts';
import type { PrimaryOptions } from './primary-options.ts';
import { makeSharedBlocks, slotShapes } from './shared-blocks.ts';
import { WriterHandle } from './writer-handle.ts';

const PARTITION_CHECK_MS = 3_600_000;

export class Gateway {
}
