/**
 * Fuzzing by hand, for longer than a test run allows.
 *
 *   npm run fuzz -- [--target NAME of targets.ts] [--seconds 60] [--seed N] [--keep | --distil]
 *
 * Without --target each has its turn. `--keep` adds the inputs that reached new branches to the corpus, `--distil` reduces the corpus
 * to the fewest small ones that reach every branch (those that once failed are kept beside it by hand). A failure is made small,
 * kept in the corpus (it is the test for its repair), and printed with the seed that found it.
 */
import { parseArgs } from 'node:util';
import { keepInput, readCorpus, replaceCorpus } from './corpus.ts';
import { distil, fuzz, minimise } from './fuzz.ts';
import type { Target } from './target.ts';
import { TARGETS } from './targets.ts';

const { values } = parseArgs({
  options: {
    target: { type: 'string' },
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000_007) },
    keep: { type: 'boolean', default: false },
    distil: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

const HELP = `npm run fuzz -- [OPTIONS]

Feeds readers of foreign bytes with inputs made from a kept corpus, and keeps what fails in it.

  --target NAME   ${TARGETS.map(({ name }) => name).join(', ')} (each in turn)
  --seconds N     for each target (60)
  --seed N        repeats a run
  --keep          adds the inputs that reached new branches to the corpus
  --distil        reduces the corpus to the fewest small inputs that reach every branch
  --help          this text`;

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

async function run(target: Target): Promise<boolean> {
  if (values.distil) {
    const needed = await distil(target, readCorpus(target.name));
    replaceCorpus(target.name, needed);
    say(`${target.name}: ${needed.length} inputs reach every branch`);
    return true;
  }
  const options = { seed: Number(values.seed), ms: Number(values.seconds) * 1000, corpus: readCorpus(target.name) };
  const { inputs, branches, found, failure } = await fuzz(target, options);
  say(
    `${target.name}: seed ${values.seed}, ${inputs} inputs, ${branches} branches, ${found.length} inputs reached new ones`,
  );
  if (values.keep) for (const bytes of found) keepInput(target.name, bytes);
  if (failure === null) return true;
  const { bytes, error } = minimise(target, failure);
  say(
    `FAILED: ${error.message}\nbytes: ${JSON.stringify(bytes.toString('latin1'))}\nkept as ${keepInput(target.name, bytes)}`,
  );
  return false;
}

async function runAll(): Promise<boolean> {
  const wanted = TARGETS.filter(({ name }) => values.target === undefined || name === values.target);
  if (wanted.length === 0) throw new Error(`no target ${values.target}: ${TARGETS.map(({ name }) => name).join(', ')}`);
  let good = true;
  for (const target of wanted) good = (await run(target)) && good;
  return good;
}

if (values.help) say(HELP);
else process.exitCode = (await runAll()) ? 0 : 1;
