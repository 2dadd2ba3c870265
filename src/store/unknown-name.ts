/** A name that a write refers to and that does not exist: an expected answer, for whoever gave the name. */
export class UnknownName extends Error {
  override readonly name = 'UnknownName';

  constructor(kind: 'user' | 'group', wanted: string) {
    super(`there is no ${kind} named ${wanted}`);
  }
}
