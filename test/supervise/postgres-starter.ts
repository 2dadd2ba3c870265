/** Helper process of embedded-postgres.test.ts: starts PostgreSQL on a folder, says so, and waits to be killed. */
import { startEmbeddedPostgres } from '#supervise/embedded-postgres.ts';

const [dataDir = '', systemDir = ''] = process.argv.slice(2);
const server = await startEmbeddedPostgres({ dataDir, systemDir, log: { info() {}, warn() {}, error() {} } });
process.stdout.write(`${JSON.stringify({ url: server.url, pid: server.pid })}\n`);
