/** What a scripted model says, whichever protocol it is said in. The builders beside this file put it into bytes. Pure. */
import { seededRandom } from './seeded-random.ts';

/** Tokens as the books count them: what was read from a cache is not part of the input. */
export interface TokenUse {
  input: number;
  cached: number;
  /** With what was thought. */
  output: number;
  reasoning: number;
}

export interface ToolCall {
  id: string;
  name: string;
  /** Its arguments as JSON, in the pieces in which a stream tells them. */
  pieces: readonly string[];
}

export interface ModelScript {
  id: string;
  model: string;
  /** Pieces of the text. */
  texts: readonly string[];
  calls: readonly ToolCall[];
  use: TokenUse;
}

export const SCRIPT: ModelScript = {
  id: 'up_1',
  model: 'gpt-5',
  texts: ['A penstock ', 'trägt 水 ', '🚰 to\n', 'the "turbine".'],
  calls: [],
  use: { input: 31, cached: 12, output: 23, reasoning: 7 },
};

/** Two calls at once, with arguments cut inside a character's neighbourhood. */
export const TOOL_SCRIPT: ModelScript = {
  ...SCRIPT,
  texts: ['Let me look. '],
  calls: [
    { id: 'call_1', name: 'get_weather', pieces: ['{"city":"M', 'ünchen"', '}'] },
    { id: 'call_2', name: 'get_time', pieces: ['{"zone":', '"CET"}'] },
  ],
};

export const textOf = ({ texts }: ModelScript): string => texts.join('');

export const argumentsOf = ({ pieces }: ToolCall): string => pieces.join('');

/** Pieces of a long answer that a test aborts. */
export function longScript(pieces: number): ModelScript {
  const random = seededRandom(7);
  return { ...SCRIPT, texts: Array.from({ length: pieces }, (_, i) => `word ${i} ${Math.floor(random() * 100)} `) };
}
