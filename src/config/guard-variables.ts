/** Limits of the removal guard. */
import { initially, wholeNumber } from './variable.ts';

export const guardVariables = {
  GUARD_GROUP_PERCENT: initially('30', wholeNumber(0, 100), {
    part: 'pipeline',
    about:
      'Removals of more than this share of a group within `GUARD_WINDOW_MS` wait for an operator (`rollcall held`); 100: the share never counts',
  }),
  GUARD_GROUP_FLOOR: initially('10', wholeNumber(0), {
    part: 'pipeline',
    about: 'Below so many members the share of a group does not count',
  }),
  GUARD_GROUP_COUNT: initially('500', wholeNumber(0), {
    part: 'pipeline',
    about: 'More removals of one group within `GUARD_WINDOW_MS` wait for an operator',
  }),
  GUARD_WINDOW_COUNT: initially('5000', wholeNumber(0), {
    part: 'pipeline',
    about: 'Removals that an instance makes in `GUARD_WINDOW_MS`; more wait for an operator',
  }),
  GUARD_WINDOW_MS: initially('600000', wholeNumber(1), {
    part: 'pipeline',
    about: 'The sliding window of these limits; it survives restarts',
  }),
};
