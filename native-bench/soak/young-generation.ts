/**
 * Keeps V8's young generations small while memory is watched. Each thread's may grow from 1 to 32 MiB and does so in steps of minutes,
 * whatever is held: of three threads they hide a leak of 2 MiB, or look like one of 30. Below this bound they are full-grown within the
 * first minute of traffic. For NODE_OPTIONS; V8 counts half a young generation's space, in MiB.
 */
export const SMALL_YOUNG_GENERATION = '--max-semi-space-size=1';
