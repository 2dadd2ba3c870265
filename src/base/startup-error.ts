/**
 * An expected reason why the product cannot start: bad configuration, a locked data folder, a port in use. Its message is one
 * line for the operator; whoever catches it at the top prints that line without a stack and ends with exit code 1.
 * Used at boot only, on any thread; requests never meet it.
 */
export class StartupError extends Error {
  override readonly name = 'StartupError';
}
