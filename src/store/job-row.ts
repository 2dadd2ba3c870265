/** A media job as its row in PostgreSQL has it (`migrations/0006-jobs.sql` draws its states). Shapes only. */

export type OpenJobState = 'creating' | 'running' | 'succeeded';
export type JobState = OpenJobState | 'charged' | 'failed' | 'cancelled' | 'refused' | 'lost' | 'unknown';

export interface JobRow {
  /** With dashes. */
  id: string;
  createdAtMs: number;
  state: JobState;
  kind: 'image' | 'video';
  userId: number;
  keyId: number;
  groupId: number;
  accountId: number;
  /** Null until the upstream has given one. */
  upstreamId: string | null;
  model: string;
  upstreamModel: string;
  prompt: string;
  size: string;
  seconds: number;
  stream: boolean;
  costNanoUsd: bigint;
  chargedNanoUsd: bigint;
  multiplierMicros: number;
  attempts: number;
  queueMs: number;
  clientRequestId: string;
  /** Addresses of what was made, where the upstream gave some. */
  urls: string[];
}
