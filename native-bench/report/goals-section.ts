/** The first part of the report: every goal beside what was measured, then what is not met, in the words of the verdicts. Pure. */
import { furtherVerdicts, heldText, type JudgedGoal, type JudgedVerdict, judgeGoals } from './goals.ts';
import { blocks, escapeMarkdown, markdownTable } from './markdown.ts';
import type { Results } from './results.ts';

const COLUMNS = [{ head: 'goal' }, { head: 'bound' }, { head: 'measured' }, { head: 'verdict' }, { head: 'scenario' }];

export function goalsSection(results: Results): string {
  const judged = judgeGoals(results);
  const further = furtherVerdicts(results);
  return blocks([
    '## Goals',
    markdownTable(COLUMNS, judged.flatMap(goalRows)),
    further.length === 0 ? '' : '### What single scenarios promise beyond them',
    markdownTable(COLUMNS, further.map(verdictRow)),
    '## Not met, and why',
    shortfalls([...judged.flatMap(({ verdicts }) => verdicts), ...further]),
    unmeasured(judged, further),
  ]);
}

function goalRows({ goal, verdicts }: JudgedGoal): string[][] {
  if (verdicts.length > 0) return verdicts.map(verdictRow);
  return [[goal.name, goal.bound, '', 'not in this run', escapeMarkdown(goal.measuredBy)]];
}

function verdictRow({ goal, bound, measured, held, scenario }: JudgedVerdict): string[] {
  return [goal, bound, measured].map(escapeMarkdown).concat(heldText(held), escapeMarkdown(scenario));
}

function shortfalls(verdicts: readonly JudgedVerdict[]): string {
  const missed = verdicts.filter(({ held }) => held === false);
  if (missed.length === 0) return 'Everything that was measured is held.';
  return missed.map(({ goal, bound, measured, why }) => item(`${goal}, ${bound}: ${measured}`, why)).join('\n');
}

function unmeasured(judged: readonly JudgedGoal[], further: readonly JudgedVerdict[]): string {
  const without = judged.filter(({ verdicts }) => verdicts.length === 0);
  const empty = [...judged.flatMap(({ verdicts }) => verdicts), ...further].filter(({ held }) => held === null);
  if (without.length + empty.length === 0) return '';
  const lines = [
    ...empty.map(({ goal, bound, why }) => item(`${goal}, ${bound}`, why)),
    ...without.map(({ goal }) => item(goal.name, `needs ${goal.measuredBy}`)),
  ];
  return blocks(['Not measured:', lines.join('\n')]);
}

function item(what: string, why: string): string {
  return `- ${escapeMarkdown(what)}${why === '' ? '' : `: ${escapeMarkdown(why)}`}`;
}
