/** The report as one page of Markdown. Pure: the same results give the same page. */
import { goalsSection } from './goals-section.ts';
import { blocks, escapeMarkdown } from './markdown.ts';
import type { Plot } from './plots.ts';
import type { Results } from './results.ts';
import { scenarioSection } from './scenario-section.ts';

const GIB = 1024 ** 3;

/** `plots`: scenario name → its plots. */
export function reportPage(results: Results, plots: ReadonlyMap<string, readonly Plot[]>): string {
  const sections = results.scenarios.map((one) => scenarioSection(one, plots.get(one.name) ?? []));
  return `${blocks([head(results), goalsSection(results), ...sections])}\n`;
}

function head({ command, startedAt, quick, rounds, machine, versions }: Results): string {
  const { cores, cpu, memoryBytes, kernel, openFilesMax, pinning } = machine;
  const programs = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  const facts = [
    `${cores} ${cores === 1 ? 'core' : 'cores'} (${cpu}), ${(memoryBytes / GIB).toFixed(0)} GiB, ${kernel}, at most ${openFilesMax} open files`,
    pinning,
    programs.join(', '),
    `${startedAt}, ${rounds} alternated ${rounds === 1 ? 'round' : 'rounds'}`,
  ];
  return blocks([
    '# Penstock beside native code',
    'Ratios within this run are the result; absolute figures belong to the machine and the moment. Each ratio is formed pair by pair within a round and given as the median of the rounds with its range.',
    `\`\`\`sh\n${command}\n\`\`\``,
    facts.map((fact) => `- ${escapeMarkdown(fact)}`).join('\n'),
    quick
      ? '**A quick run: few and short rounds show that everything works, and rough ratios. What is held and what is not is told by a full run.**'
      : '',
  ]);
}
