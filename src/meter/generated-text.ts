/**
 * How much text a model generated, told from the bytes of its delta events without decoding them, and how many tokens that may be.
 * Used for answers whose usage never came and for those that broke off before it. Pure; runs on front threads.
 *
 *   {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hello"}}
 *                                                              ^ `_delta"`      ^^^^^ generated
 *
 * Counted are bytes as they stand in the JSON, so an escape counts its own length. Signatures, citations and unknown deltas are not
 * counted: they are not what output tokens are charged for.
 *
 * Thinking whose text the upstream leaves out is not seen, so the estimate is too low there.
 */
const QUOTE = 0x22;
const UNDERSCORE = 0x5f;
const SPACE = 0x20;
const OBJECT_CLOSE = 0x7d;

/**
 * Anthropic's model overview gives about 2.5 characters a token for its current tokenizer and 3.4 for the one before
 * (platform.claude.com/docs/en/models); escapes and non-Latin scripts take more bytes than characters.
 */
const BYTES_PER_TOKEN = 3;

export function estimateOutputTokens(generatedBytes: number): number {
  return Math.ceil(generatedBytes / BYTES_PER_TOKEN);
}

const DELTA_TAIL = Buffer.from('delta"');
/** Fixed part of `{"type":"content_block_delta","index":0,"delta":{"type":"`: the underscore of the delta's type lies beyond it. */
const SEARCH_FROM = 50;
const SEARCH_BYTES = 120;

/**
 * Bytes of generated text in the data of one delta event, `data[start, end)`. `missingBytes` more belong to it but were cut off.
 * Does not allocate.
 */
export function generatedBytes(data: Buffer, start: number, end: number, missingBytes: number): number {
  const typeEnd = deltaTypeEnd(data, start, end);
  if (typeEnd < 0) return 0;
  const envelope = envelopeBytes(data, start, typeEnd);
  if (envelope < 0) return 0;
  const textEnd = missingBytes > 0 ? end + missingBytes : closingQuote(data, typeEnd, end);
  return Math.max(0, textEnd - typeEnd - envelope);
}

/** Where `_delta"` of the delta's own type ends, -1 when it is not near the start. */
function deltaTypeEnd(data: Buffer, start: number, end: number): number {
  const limit = Math.min(end, start + SEARCH_BYTES) - DELTA_TAIL.length;
  for (let at = start + SEARCH_FROM; at < limit; at++) {
    if (data[at] === UNDERSCORE && isDeltaTail(data, at + 1)) return at + 1 + DELTA_TAIL.length;
  }
  return -1;
}

function isDeltaTail(data: Buffer, at: number): boolean {
  for (let i = 0; i < DELTA_TAIL.length; i++) if (data[at + i] !== DELTA_TAIL[i]) return false;
  return true;
}

/** Bytes between the type and the text, by the letter before `_delta"`; -1 for deltas that carry no generated text. */
function envelopeBytes(data: Buffer, start: number, typeEnd: number): number {
  const last = data[typeEnd - DELTA_TAIL.length - 2];
  const beforeLast = data[typeEnd - DELTA_TAIL.length - 3];
  if (typeEnd - start < SEARCH_FROM) return -1;
  if (last === 0x74 && beforeLast === 0x78) return 9; // text_delta: ,"text":"
  if (last === 0x67 && beforeLast === 0x6e) return 13; // thinking_delta: ,"thinking":"
  if (last === 0x6e && beforeLast === 0x6f) return 17; // input_json_delta: ,"partial_json":" (compaction_delta is 5 shorter)
  return -1;
}

/** The quote that ends the text. Upstreams pad deltas with spaces between the closing brackets, which must not count. */
function closingQuote(data: Buffer, start: number, end: number): number {
  let at = end - 1;
  while (at > start && (data[at]! <= SPACE || data[at] === OBJECT_CLOSE)) at--;
  return data[at] === QUOTE ? at : at + 1;
}
