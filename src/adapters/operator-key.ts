/** The shared key that requests of operators are signed with (core/request-signature.ts). */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { OperatorKey } from '../core/request-signature.ts';

/** @param current the key as it is now: its file may have changed. */
export function operatorKey(current: () => string): OperatorKey {
  const mac = (text: string): Buffer => createHmac('sha256', current()).update(text).digest();
  return {
    sign: (text) => mac(text).toString('hex'),
    hasSigned: (text, signature) => {
      const [right, given] = [mac(text), Buffer.from(signature, 'hex')];
      return given.length === right.length && timingSafeEqual(right, given);
    },
  };
}
