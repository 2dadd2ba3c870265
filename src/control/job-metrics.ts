/** Media jobs on the metrics page. Primary only. */
import { JOB_SECONDS } from '#meter/job-figures.ts';
import { collector, histogram, labelled, NAME_START, one, type Sample } from './collector.ts';
import type { ControlContext } from './context.ts';

const DURATION = `${NAME_START}job_duration_seconds`;

export function jobCollectors(jobs: ControlContext['jobs']) {
  const figures = () => jobs().figures;
  const counter = (name: string, help: string, read: () => Sample[]) =>
    collector('counter', NAME_START + name, help, read);
  return [
    collector('gauge', `${NAME_START}jobs_open`, 'Media jobs under way, by how far they are.', () =>
      labelled('state', jobs().open),
    ),
    counter('jobs_created_total', 'Media jobs that an account has taken.', () => labelled('kind', figures().created)),
    counter('jobs_ended_total', 'Media jobs that ended, by how.', () => labelled('outcome', figures().ended)),
    counter('job_polls_total', 'Looks at media jobs, by what was learnt.', () => labelled('answer', figures().polls)),
    counter('jobs_charged_nano_usd_total', 'What media jobs were charged.', () => [
      one(Number(figures().chargedNanoUsd)),
    ]),
    collector('histogram', DURATION, 'Media job ordered to its end.', () => {
      const { durations, durationsMs } = figures();
      return histogram(DURATION, durations, JOB_SECONDS, durationsMs / 1000);
    }),
  ];
}
