/** Creates a group by name, or brings the one of that name to the wish. */
import type { Platform } from '#base/protocols.ts';
import type { Database } from './database.ts';
import type { Put } from './put-user.ts';

export interface GroupWish {
  name: string;
  platform: Platform;
  multiplierMicros: number;
  /** Model pattern → the platform that serves it; a model that none matches goes to any account of the group. */
  modelPlatforms: Record<string, Platform>;
}

export async function putGroup(db: Database, wish: GroupWish): Promise<Put> {
  const [row] = await db<Put[]>`
    insert into groups (name, platform, multiplier_micros, model_platforms)
    values (${wish.name}, ${wish.platform}, ${wish.multiplierMicros}, ${wish.modelPlatforms})
    on conflict (name) do update
    set platform = excluded.platform, multiplier_micros = excluded.multiplier_micros,
        model_platforms = excluded.model_platforms
    returning id, (xmax = 0) as created`;
  return { id: row!.id, created: row!.created };
}
