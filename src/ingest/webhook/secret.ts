/** Secrets are compared as digests: timingSafeEqual wants equal lengths, and the length tells something too. */
import { createHash, timingSafeEqual } from 'node:crypto';

export const isSame = (secret: string, given: string): boolean => timingSafeEqual(digest(secret), digest(given));

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
