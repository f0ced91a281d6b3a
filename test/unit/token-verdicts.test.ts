/** How long a verdict on a token is kept. */
import { expect, test } from 'vitest';
import { TokenVerdicts } from '../../src/formats/scim/events.ts';
import { SlowVerifier } from '../support/tokens.ts';

/** Two of them have no room beside each other once they were asked for. */
const aLongToken = (name: string): string => `${'e'.repeat(3 * 1024 * 1024)}.${name}.c2ln`;

test('a token whose verdict had to give way is verified again, and has one', async () => {
  const verifier = new SlowVerifier();
  const verdicts = new TokenVerdicts(verifier);
  for (const name of ['a', 'b', 'a']) {
    await verdicts.verify([aLongToken(name)]);
    expect(verdicts.of(aLongToken(name)).kind).toBe('verified');
  }
  expect(verifier.asked).toEqual(['a', 'b', 'a']);
});

test('a token that is being verified is not verified a second time', async () => {
  const verifier = new SlowVerifier();
  const verdicts = new TokenVerdicts(verifier);
  await Promise.all([verdicts.verify(['h.a.s']), verdicts.verify(['h.a.s', 'h.b.s'])]);
  expect(verifier.asked).toEqual(['a', 'b']);
  expect(verdicts.verify(['h.a.s', 'h.b.s'])).toBe(null);
});
