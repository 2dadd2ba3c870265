import assert from 'node:assert/strict';
import { chmodSync, chownSync, copyFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { copyIn } from '#store/copy-in.ts';
import { SingleConnection } from '#store/single-connection.ts';
import { TestPostgres } from '../support/test-postgres.ts';
import { waitFor, within } from '../support/wait-for.ts';

const OPTIONS = { connectTimeoutMs: 10_000, statementTimeoutMs: 20_000, applicationName: 'test' };

function connect(url: string, mode: string): Promise<SingleConnection> {
  return SingleConnection.open(`${url}?sslmode=${mode}`, OPTIONS);
}

async function isEncrypted(connection: SingleConnection): Promise<boolean> {
  const rows = await connection.sql<{ ssl: boolean }[]>`select ssl from pg_stat_ssl where pid = pg_backend_pid()`;
  return rows[0]!.ssl;
}

/** A key and a certificate that no authority signed, where the server looks for them. */
function placeCertificate(clusterDir: string): void {
  const { uid, gid } = statSync(clusterDir);
  for (const name of ['server.key', 'server.crt']) {
    const file = join(clusterDir, name);
    copyFileSync(new URL('../support/self-signed.pem', import.meta.url), file);
    chownSync(file, uid, gid);
    chmodSync(file, 0o600);
  }
}

test('a connection is encrypted as its address asks, and can be destroyed at any moment all the same', async (t) => {
  const server = await TestPostgres.start();
  t.after(() => server.remove());
  const plain = await connect(server.url, 'prefer');
  assert.equal(await isEncrypted(plain), false);
  await assert.rejects(connect(server.url, 'require'), /does not offer TLS/);
  const [row] = await plain.sql<{ data_directory: string }[]>`show data_directory`;
  placeCertificate(row!.data_directory);
  await plain.sql.unsafe('alter system set ssl = on');
  await plain.sql.unsafe('select pg_reload_conf()');
  await waitFor('TLS', async () => (await plain.sql<{ ssl: string }[]>`show ssl`)[0]!.ssl === 'on');
  plain.destroy();

  await assert.rejects(connect(server.url, 'verify-full'), /self-signed certificate/);
  for (const mode of ['prefer', 'require']) {
    const connection = await connect(server.url, mode);
    assert.equal(await isEncrypted(connection), true);
    await connection.sql.unsafe('create temp table target (number int)');
    await copyIn(connection, 'copy target from stdin', '1\n'.repeat(100_000));
    const [count] = await connection.sql<{ count: number }[]>`select count(*)::int as count from target`;
    assert.equal(count!.count, 100_000);
    connection.destroy();
    await assert.rejects(within('an answer', 3000, connection.sql.unsafe('select 1').then()));
  }
});
