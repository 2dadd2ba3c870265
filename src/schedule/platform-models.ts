/** What the models of a platform are called, for accounts that do not list what they serve. Pure. */
import { PLATFORMS, type Platform } from '#base/protocols.ts';

const NAMES: Readonly<Record<Platform, RegExp>> = {
  anthropic: /^claude/,
  openai: /^(gpt|chatgpt|codex|o\d|text-embedding-3|text-embedding-ada|davinci|babbage)/,
  gemini: /^(gemini|gemma|text-embedding-0|embedding)/,
  sora: /^(sora|gpt-image)/,
};

/** The platform makes a model of this name. */
export function makesModel(platform: Platform, model: string): boolean {
  return NAMES[platform].test(model);
}

/** The name is that of another platform's model, and not of one of its own. */
export function isForeign(platform: Platform, model: string): boolean {
  return !makesModel(platform, model) && PLATFORMS.some((other) => makesModel(other, model));
}
