/**
 * What reading statements ran meanwhile on the tables of usage, and how many blocks they touched, by PostgreSQL's own statistics of
 * statements: unlike those of tables they are exact as soon as a statement has ended.
 */
import type { Sql } from '../../test/support/test-postgres.ts';

export interface Probed {
  statements: number;
  /** Of 8 KiB, in shared buffers or not. */
  blocks: number;
}

export class StatementProbe {
  readonly #sql: Sql;

  private constructor(sql: Sql) {
    this.#sql = sql;
  }

  static async start(sql: Sql): Promise<StatementProbe> {
    await sql`create extension if not exists pg_stat_statements`;
    return new StatementProbe(sql);
  }

  async during(work: () => Promise<void>): Promise<Probed> {
    const before = await this.#read();
    await work();
    const after = await this.#read();
    return { statements: after.statements - before.statements, blocks: after.blocks - before.blocks };
  }

  /** Blocks of the whole usage log, without its indexes. */
  async logBlocks(): Promise<number> {
    const [row] = await this.#sql<{ blocks: string }[]>`
      select (sum(pg_relation_size(relid)) / current_setting('block_size')::int)::bigint::text as blocks
      from pg_partition_tree('usage_logs') where isleaf`;
    return Number(row!.blocks);
  }

  async #read(): Promise<Probed> {
    const [row] = await this.#sql<{ calls: string; blocks: string }[]>`
      select coalesce(sum(calls), 0)::text as calls,
             coalesce(sum(shared_blks_hit + shared_blks_read), 0)::text as blocks
      from pg_stat_statements
      where query ~* '^\\s*(select|with)' and query ~ 'usage_' and query !~* 'pg_stat|pg_partition|insert into'`;
    return { statements: Number(row!.calls), blocks: Number(row!.blocks) };
  }
}
