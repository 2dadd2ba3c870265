/**
 * The scan of a whole body, in slices between turns of the event loop when it is large: 32 MB in one go would stall every stream
 * of the front. Turns what is wrong with the body into a refusal. Front thread only.
 */
import { type Refusal, refuse } from '#failure/registry.ts';
import { type Facts, isScanError, type ScanError } from '#wire/facts.ts';
import type { RequestShape } from '#wire/request-shape.ts';
import { Scanner, scan } from '#wire/scan.ts';

/** Bytes scanned in one turn: about 0.4 ms. */
const SLICE_BYTES = 1024 * 1024;
/** Up to this a body is scanned at once; dense JSON of this size takes about 0.5 ms. */
const AT_ONCE_BYTES = 64 * 1024;

/** Calls `done` once, at once for a small body. */
export function scanBody(
  bytes: Uint8Array,
  shape: RequestShape,
  depthMax: number,
  done: (result: Facts | Refusal) => void,
): void {
  if (bytes.length <= AT_ONCE_BYTES) return done(judge(scan(bytes, depthMax, shape)));
  const scanner = new Scanner(bytes, depthMax, shape);
  const step = (): void => {
    const result = scanner.step(SLICE_BYTES);
    if (result === 'more') setImmediate(step);
    else done(judge(result));
  };
  step();
}

function judge(result: Facts | ScanError): Facts | Refusal {
  if (isScanError(result)) return refuse('body_malformed', `At byte ${result.offset}: ${result.reason}.`);
  if (result.fieldError === null) return result;
  const { path, expected } = result.fieldError;
  return refuse('field_invalid', `${path}: expected ${expected}.`);
}
