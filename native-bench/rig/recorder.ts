/** Collects what one scenario measures into the shape of the results. */
import type { Curve, Measurement, ScenarioResult, Verdict } from '../report/results.ts';
import type { Figure } from '../scenarios/scenario.ts';

export class Recorder {
  readonly #result: ScenarioResult;
  readonly #byPlace = new Map<string, Measurement>();

  constructor(name: string, title: string) {
    this.#result = { name, title, seconds: 0, measurements: [], curves: [], verdicts: [], skipped: [], notes: [] };
  }

  get measurements(): readonly Measurement[] {
    return this.#result.measurements;
  }

  measured({ round, value, ...place }: Figure): void {
    const key = [place.case, place.contender, place.metric].join('|');
    let measurement = this.#byPlace.get(key);
    if (measurement === undefined) {
      measurement = { ...place, values: [] };
      this.#byPlace.set(key, measurement);
      this.#result.measurements.push(measurement);
    }
    while (measurement.values.length < round) measurement.values.push(null);
    measurement.values[round] = value;
  }

  curve(curve: Curve): void {
    this.#result.curves.push(curve);
  }

  verdict(verdict: Verdict): void {
    this.#result.verdicts.push(verdict);
  }

  skipped(what: string, why: string): void {
    if (!this.#result.skipped.some((one) => one.what === what)) this.#result.skipped.push({ what, why });
  }

  note(text: string): void {
    this.#result.notes.push(text);
  }

  result(seconds: number): ScenarioResult {
    return { ...this.#result, seconds };
  }
}
