/**
 * Where a command writes: results to standard output, everything else to standard error. Each call resolves when the text has
 * left the process, so that an exit right after loses nothing.
 */
export interface Output {
  /** A result, for people or scripts. */
  out(text: string): Promise<void>;
  /** A remark or an error, for people. */
  note(text: string): Promise<void>;
}

export function processOutput(): Output {
  // Whoever reads us may stop early (`| head`): not our fault, and nothing to report it to.
  process.stdout.on('error', () => {});
  return { out: (text) => write(process.stdout, text), note: (text) => write(process.stderr, text) };
}

function write(stream: NodeJS.WriteStream, text: string): Promise<void> {
  return new Promise((resolve) => {
    stream.write(text.endsWith('\n') ? text : `${text}\n`, () => resolve());
  });
}
