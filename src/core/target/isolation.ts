/**
 * A PATCH of several members that is refused: which of them is at fault is found by halves (protocol.md 7.7). No refusal is
 * documented to name the member (genesys.md 3.5), so its words decide nothing: what may be about a member is halved.
 */
import type { Intent } from '../change/change.ts';
import type { HttpAnswer, ResponseAnswer } from './refusals.ts';

/**
 * What a refused PATCH may be at fault for. `request`: the client, its form or the way there, the same for every member.
 * `unclear`: as a rule the target itself, so that a member comes into question only when tries run out.
 */
export type Fault = 'member' | 'unclear' | 'request';

/** The token, the method, no answer in time, the content type, the rate. */
const ABOUT_REQUEST: readonly number[] = [401, 405, 408, 415, 429];
/** What stands between, or in front of, the target's own code says them. */
const ABOUT_TARGET: readonly number[] = [502, 503, 504];

export function faultOf(answer: HttpAnswer): Fault {
  if (answer.kind !== 'response') return 'request';
  const { status } = answer;
  // Halves are smaller, so that a proxy's page about the size is no other case.
  if (status === 413) return 'member';
  if (isPage(answer)) return 'request';
  if (status < 400 || ABOUT_REQUEST.includes(status) || ABOUT_TARGET.includes(status)) return 'request';
  return status < 500 ? 'member' : 'unclear';
}

/** HTML, or what else a proxy writes in the target's place. */
export const isPage = ({ body, empty, isText }: ResponseAnswer): boolean =>
  body === undefined && !empty && isText !== true;

/** One of these has its second to last try or less left, so that its member is looked for before it is given up. */
export const isRunningOut = (tried: readonly Intent[], attemptsMax: number): boolean =>
  tried.some(({ attempt }) => attempt >= attemptsMax - 2);

/** A search for bad members, through one run of a group. */
export interface Search {
  /** Refusals without a landing. */
  readonly inRow: number;
  /** It ends after so many; 0: nothing was refused together. */
  readonly max: number;
}

export const NO_SEARCH: Search = { inRow: 0, max: 0 };

/** Members were refused together, and who of them is meant is looked for. */
export const isSearching = ({ max }: Search): boolean => max > 0;

/** @param count of the suspects that a search begins with; 0: none. */
export const searchAmong = (count: number): Search => (count === 0 ? NO_SEARCH : { inRow: 0, max: refusalsMax(count) });

/** One more PATCH of `count` members is refused. Where none was refused before, that of a single member begins no search. */
export function afterRefusal(search: Search, count: number): Search {
  if (count === 1 && search.max === 0) return search;
  return { inRow: search.inRow + 1, max: Math.max(search.max, refusalsMax(count)) };
}

export const afterLanding = ({ max }: Search): Search => ({ inRow: 0, max });

/**
 * What is left to send of a group. `suspects` is known to hold a bad member: halving it isolates one of n in about log2(n)
 * requests, and when one half lands, the other is split unsent. `untried` rests go together afterwards.
 */
export interface Unsent {
  readonly suspects: readonly Intent[];
  readonly untried: readonly Intent[];
  readonly search: Search;
}

/** The next request; empty when nothing is left. A part of one that is refused has isolated its bad member. */
export function nextPart({ suspects, untried, search }: Unsent, membersMax: number): readonly Intent[] {
  if (search.max > 0 && search.inRow >= search.max / 2) return oneOf(untried.length > 0 ? untried : suspects, search);
  if (suspects.length === 1) return suspects;
  if (suspects.length > 1) return suspects.slice(0, Math.min(Math.ceil(suspects.length / 2), membersMax));
  return untried.slice(0, membersMax);
}

/**
 * Half of the refusals have come to no landing, so many are bad. From then on members are asked about alone, so that each
 * request separates one, and from all over the rest, since one that lands starts the count again.
 */
function oneOf(choice: readonly Intent[], { inRow }: Search): readonly Intent[] {
  // Multiples of the golden ratio spread evenly, however many there come to be.
  const at = Math.floor(((inRow * GOLDEN) % 1) * choice.length);
  return choice.slice(at, at + 1);
}

const GOLDEN = 0.618_034;

/** What is not separated by then waits: where a group is refused as a whole, every half is. */
export const isOver = ({ inRow, max }: Search): boolean => max > 0 && inRow >= max;

/** So many refusals in a row, without a landing, may one search for bad members of `count` take (protocol.md 7.7). */
export const refusalsMax = (count: number): number => 2 * Math.ceil(Math.log2(Math.max(1, count))) + 4;
