/** NODE_OPTIONS of what is started now: the contender's processes inherit them, this one was started already. */

/** Whatever `start` starts has these options besides those that this process has. */
export async function withNodeOptions<T>(options: string, start: () => Promise<T>): Promise<T> {
  const before = process.env['NODE_OPTIONS'];
  process.env['NODE_OPTIONS'] = before === undefined ? options : `${before} ${options}`;
  try {
    return await start();
  } finally {
    if (before === undefined) delete process.env['NODE_OPTIONS'];
    else process.env['NODE_OPTIONS'] = before;
  }
}
