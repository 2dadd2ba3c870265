/** A process that counts one text, closes its pool and has nothing more to do. */
import { RecordingPool } from './counting.ts';

const pool = new RecordingPool();
process.stdout.write(String(await pool.answer(pool.ask('Hello, world!'))));
await pool.pool.close();
