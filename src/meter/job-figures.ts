/**
 * What is counted of the media jobs of this process, for the metrics page; it begins at 0 with the process. Plain numbers: jobs are
 * primary's alone, and some hundred a second at most.
 */

/** Kinds of end. `expired`: not done by its deadline; `lost`: a crash came before its account had made it; `unknown`: or after, nobody knows. */
export const JOB_OUTCOMES = ['completed', 'failed', 'cancelled', 'expired', 'refused', 'lost', 'unknown'] as const;
export type JobOutcome = (typeof JOB_OUTCOMES)[number];

/** `away`: no answer, or none that says how the job goes; `gone`: there is no such job. */
export const POLL_ANSWERS = ['told', 'away', 'gone'] as const;
export type PollAnswer = (typeof POLL_ANSWERS)[number];

/** Upper bounds of the histogram of durations, in seconds; the last bucket is +Inf. */
export const JOB_SECONDS = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 3600] as const;

export class JobFigures {
  /** An account has taken it, and will be paid. */
  readonly created = { image: 0, video: 0 };
  readonly ended: Record<JobOutcome, number> = countsOf(JOB_OUTCOMES);
  readonly polls: Record<PollAnswer, number> = countsOf(POLL_ANSWERS);
  readonly durations: number[] = new Array<number>(JOB_SECONDS.length + 1).fill(0);
  durationsMs = 0;
  chargedNanoUsd = 0n;

  /** `ms`: since it was ordered. */
  end(outcome: JobOutcome, ms: number): void {
    this.ended[outcome]++;
    const bucket = JOB_SECONDS.findIndex((seconds) => ms <= seconds * 1000);
    this.durations[bucket < 0 ? JOB_SECONDS.length : bucket]!++;
    this.durationsMs += ms;
  }
}

function countsOf<Name extends string>(names: readonly Name[]): Record<Name, number> {
  return Object.fromEntries(names.map((name) => [name, 0])) as Record<Name, number>;
}
