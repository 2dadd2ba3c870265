/** Creates a group by name, or brings the one of that name to the wish. */
import type { Database } from './database.ts';
import type { Put } from './put-user.ts';

export interface GroupWish {
  name: string;
  platform: 'anthropic';
  multiplierMicros: number;
}

export async function putGroup(db: Database, wish: GroupWish): Promise<Put> {
  const [row] = await db<Put[]>`
    insert into groups (name, platform, multiplier_micros)
    values (${wish.name}, ${wish.platform}, ${wish.multiplierMicros})
    on conflict (name) do update
    set platform = excluded.platform, multiplier_micros = excluded.multiplier_micros
    returning id, (xmax = 0) as created`;
  return { id: row!.id, created: row!.created };
}
