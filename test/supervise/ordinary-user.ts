/**
 * What an ordinary user sees, for tests that may run as root: drops to the given user after everything is loaded, then starts and
 * stops a PostgreSQL in a folder that only this user may enter. Prints one JSON object.
 *
 *   node ordinary-user.ts DATA_DIR UID GID       (UID −1: whoever we are)
 */
import postgres from 'postgres';
import { startEmbeddedPostgres } from '#supervise/embedded-postgres.ts';
import { findServiceUser } from '#supervise/service-user.ts';

const [dataDir = '', uid = '-1', gid = '-1'] = process.argv.slice(2);
if (Number(uid) >= 0) {
  process.setgroups?.([]);
  process.setgid?.(Number(gid));
  process.setuid?.(Number(uid));
}
const silent = { info: () => {}, warn: () => {}, error: () => {} };
const serviceUser = findServiceUser();
const server = await startEmbeddedPostgres({ dataDir, log: silent });
const sql = postgres(server.url, { max: 1 });
const [row] = await sql`select 1 as one`;
await sql.end();
await server.stop();
process.stdout.write(JSON.stringify({ serviceUser, one: row?.['one'] }));
