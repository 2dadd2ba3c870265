/**
 * The models of the Sora façade: what a name says about kind, orientation, length and quality. Pure; runs on every thread.
 *
 *   gpt-image[-landscape|-portrait]                              sora-image… is the older name
 *   sora2[pro]-{landscape|portrait}-{10s|15s|25s}                sora-video[-landscape|-portrait][-10s|-15s] is the older name
 *   sora2pro-hd-{landscape|portrait}-{10s|15s}
 *   sora-2, sora-2-pro                                           with `seconds` and `size` in the body, as OpenAI has them
 *   prompt-enhance-{short|medium|long}-{10s|15s|20s}             a text, which no API of video jobs writes
 */

export interface MediaModel {
  readonly kind: 'image' | 'video';
  /** What the account is asked for when its `modelMap` has neither the client's name nor this one. */
  readonly upstream: string;
  /** Entries of the price table that may have its price, besides the client's own name; the first that has one counts. */
  readonly priceNames: readonly string[];
  /** Pixels, `1280x720`. */
  readonly size: string;
  /** Of video; 0 for an image. */
  readonly seconds: number;
  /** Length and size may be said by the request. */
  readonly open: boolean;
}

type Orientation = 'landscape' | 'portrait' | '';

const IMAGE_SIZES: Readonly<Record<Orientation, string>> = {
  '': '1024x1024',
  landscape: '1536x1024',
  portrait: '1024x1536',
};
const VIDEO_SIZES: Readonly<Record<Orientation, string>> = {
  '': '720x1280',
  landscape: '1280x720',
  portrait: '720x1280',
};
const HD_SIZES: Readonly<Record<Orientation, string>> = {
  ...VIDEO_SIZES,
  landscape: '1792x1024',
  portrait: '1024x1792',
};
const OPEN_SECONDS = 4;
const LEGACY_SECONDS = 10;

const TURNS = ['landscape', 'portrait'] as const;
const IMAGE = /^(?:gpt-image|sora-image)(?:-(landscape|portrait))?$/;
const VIDEO = /^sora2(pro)?-(landscape|portrait)-(10|15|25)s$/;
const HD = /^sora2pro-hd-(landscape|portrait)-(10|15)s$/;
const LEGACY = /^sora-video(?:-(landscape|portrait))?(?:-(10|15)s)?$/;
const OPEN = /^sora-2(-pro)?$/;
const TEXT = /^prompt-enhance-(short|medium|long)-(10|15|20)s$/;

/** `text`: a name of the façade that means a text. Null: no name of it. */
export function findMediaModel(name: string): MediaModel | 'text' | null {
  const image = IMAGE.exec(name);
  if (image !== null) return imageModel(turn(image[1]));
  const video = VIDEO.exec(name);
  if (video !== null) return videoModel(video[1] !== undefined, turn(video[2]), Number(video[3]));
  const hd = HD.exec(name);
  if (hd !== null) return hdModel(turn(hd[1]), Number(hd[2]));
  const legacy = LEGACY.exec(name);
  if (legacy !== null) return videoModel(false, turn(legacy[1]), Number(legacy[2] ?? LEGACY_SECONDS));
  const open = OPEN.exec(name);
  if (open !== null) return { ...videoModel(open[1] !== undefined, '', OPEN_SECONDS), open: true };
  return TEXT.test(name) ? 'text' : null;
}

/** Every name but the older ones, for lists. */
export function listMediaModels(): string[] {
  const images = ['gpt-image', ...TURNS.map((side) => `gpt-image-${side}`)];
  const videos = ['sora2', 'sora2pro'].flatMap((family) => lengths(family, [10, 15, 25]));
  return [...images, ...videos, ...lengths('sora2pro-hd', [10, 15]), 'sora-2', 'sora-2-pro'];
}

function lengths(family: string, seconds: readonly number[]): string[] {
  return TURNS.flatMap((side) => seconds.map((length) => `${family}-${side}-${length}s`));
}

function turn(text: string | undefined): Orientation {
  return (text ?? '') as Orientation;
}

function imageModel(side: Orientation): MediaModel {
  const names = ['gpt-image', 'gpt-image-1'];
  return {
    kind: 'image',
    upstream: 'gpt-image-1',
    priceNames: names,
    size: IMAGE_SIZES[side],
    seconds: 0,
    open: false,
  };
}

function videoModel(pro: boolean, side: Orientation, seconds: number): MediaModel {
  const upstream = pro ? 'sora-2-pro' : 'sora-2';
  return { kind: 'video', upstream, priceNames: [upstream], size: VIDEO_SIZES[side], seconds, open: false };
}

function hdModel(side: Orientation, seconds: number): MediaModel {
  const priceNames = ['sora-2-pro-hd', 'sora-2-pro'];
  return { ...videoModel(true, side, seconds), priceNames, size: HD_SIZES[side] };
}
