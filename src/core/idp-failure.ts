/** What an identity provider's API fails with, beyond what waiting mends. */

/** It refuses us: credentials or permissions. The message names the mend. */
export class IdpRefusal extends Error {
  override readonly name = 'IdpRefusal';
}

/** There is no answer, or none that can be used; to be tried again later. */
export class IdpTrouble extends Error {
  override readonly name = 'IdpTrouble';
}
