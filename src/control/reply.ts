/**
 * Answers of the control port as values; the server writes them. JSON, with bigint as decimal strings (nano-USD do not fit a
 * JSON number).
 */
export interface Reply {
  status: number;
  contentType: string;
  text: string;
}

export function json(status: number, value: unknown): Reply {
  const text = JSON.stringify(value, (_key, field: unknown) => (typeof field === 'bigint' ? field.toString() : field));
  return { status, contentType: 'application/json', text: `${text}\n` };
}

/** `problems` are complete sentences about the caller's input. */
export function problem(status: number, message: string, problems: readonly string[] = []): Reply {
  return json(status, { error: { message, ...(problems.length > 0 ? { problems } : {}) } });
}

export function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}
