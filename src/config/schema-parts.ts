/** What the sections of `schema.ts` are made of. Does no I/O. */
import { z } from 'zod';

export const KIB = 1024;
export const MIB = 1024 * KIB;
export const GIB = 1024 * MIB;
export const HOUR_MS = 3_600_000;

export function int(fallback: number, min: number, max: number, text: string) {
  return z.int().min(min).max(max).default(fallback).describe(text);
}

/** A whole number that must be a power of two, because indexes are masked with it. */
export function powerOfTwo(fallback: number, min: number, max: number, text: string) {
  return z
    .int()
    .min(min)
    .max(max)
    .refine((value) => Number.isInteger(Math.log2(value)))
    .meta({ expected: `a power of two from ${min} to ${max}` })
    .default(fallback)
    .describe(text);
}

/** A section may be left out: every key of it has a default. */
export function section<Shape extends z.ZodRawShape>(text: string, shape: Shape) {
  return z
    .strictObject(shape)
    .prefault({} as never)
    .describe(text);
}
