/**
 * The little that this folder asks of a logger; the product's logger satisfies it, tests hand in an array.
 */
export interface SuperviseLog {
  info(text: string): void;
  warn(text: string): void;
  error(text: string): void;
}
