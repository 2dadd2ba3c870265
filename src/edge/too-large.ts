/** How a body is refused that has more bytes than it may, whether they were declared, have come or were decoded. Pure. */
import { type Refusal, refuse } from '#failure/registry.ts';

export function tooLarge(bytesMax: number): Refusal {
  return refuse('body_too_large', `The limit is ${bytesMax} bytes.`);
}
