/**
 * Requests of operators in one retry partition: which were read and not executed, which signed ones were read at all, and the
 * answers that are to be written. And `HeldDigests`: what operators may decide about.
 */
import {
  isExpired,
  refusalOf,
  type OperatorAnswer,
  type Request,
  type RequestRefusal,
  type Signature,
} from '../../core/log/request-record.ts';

/** Where its record lies in the retry partition. */
export interface RequestPlace {
  readonly offset: bigint;
  /** Of the record, epoch ms. */
  readonly timestamp: number;
}

/** `signature` null: none is needed. */
export interface ReadRequest {
  readonly key: string;
  readonly wanted: Request;
  readonly signature: Signature | null;
  readonly place: RequestPlace;
}

export interface DueRequest {
  readonly key: string;
  readonly wanted: Request;
  readonly place: RequestPlace;
  /** null: to be taken up. */
  readonly refusal: RequestRefusal | null;
}

/** To an executed request; it is given once the live records say so, too. Each is the tombstone of its request. */
export interface DueAnswer<G> {
  readonly key: string;
  readonly answer: OperatorAnswer;
  /** What it has changed something of. */
  readonly groups: readonly G[];
}

export interface PlacedAnswer<G> extends DueAnswer<G> {
  /** Where its request lies, which was carried out; null: it was refused, so that the answer relies on nothing. */
  readonly place: RequestPlace | null;
}

/** A pause, or its end. */
export const isAboutPauses = ({ kind }: Pick<OperatorAnswer, 'kind'>): boolean => kind === 'pause' || kind === 'resume';

interface OpenRequest extends ReadRequest {
  readonly isRepeated: boolean;
}

export class OperatorRequests<G> {
  readonly #open = new Map<string, OpenRequest>();
  /**
   * Key → when it was issued, of each that is signed well: nothing else gets in, so it cannot be flooded. A captured request
   * that is written again is refused by it, at a restore too, since the first copy lies before it in the partition.
   */
  readonly #seen = new Map<string, number>();
  #answers: PlacedAnswer<G>[] = [];

  get size(): number {
    return this.#open.size;
  }

  /** @param now epoch ms. */
  read(request: ReadRequest, now: number): void {
    const { key, signature } = request;
    const former = this.#open.get(key);
    // What others write under its key does not take the place of a request that is signed well.
    if (former?.signature?.kind === 'good' && signature?.kind !== 'good') return;
    // Two copies of which none was taken up are one request.
    const isRepeated = former?.isRepeated ?? this.#seen.has(key);
    this.#open.set(key, { ...request, isRepeated });
    if (signature?.kind === 'good') this.#remember(key, signature.issuedAt, now);
  }

  /** Its tombstone was read. */
  answered(key: string): void {
    this.#open.delete(key);
  }

  /** What was read since; each is to be answered. */
  take(now: number): readonly DueRequest[] {
    const due = [...this.#open.values()].map(({ key, wanted, signature, place, isRepeated }) => {
      const refusal = signature === null ? null : refusalOf(signature, now);
      return { key, wanted, place, refusal: refusal ?? (isRepeated ? ('repeated' as const) : null) };
    });
    this.#open.clear();
    return due;
  }

  get answerCount(): number {
    return this.#answers.length;
  }

  /** To be written; again, where that did not work. */
  answer(answer: PlacedAnswer<G>): void {
    this.#answers.push(answer);
  }

  /** It could not be written: it is due before all others. */
  giveBack(answer: PlacedAnswer<G>): void {
    this.#answers.unshift(answer);
  }

  /**
   * The answers that can be given now; about pauses one at a time, in the order in which they were carried out: of those that are
   * not answered the next owner carries out the rest once more. Those that were refused wait for none but of the same request: a
   * copy of it, refused, would end it. @param isOpen what it says is not recorded, or not reported, yet.
   */
  takeAnswers(isOpen: (answer: PlacedAnswer<G>) => boolean): readonly PlacedAnswer<G>[] {
    const due: PlacedAnswer<G>[] = [];
    const rest: PlacedAnswer<G>[] = [];
    const keys = new Set<string>();
    let isFirst = true;
    for (const answer of this.#answers) {
      const { key, place } = answer;
      const isInOrder = place !== null && isAboutPauses(answer.answer);
      const waits = keys.has(key) || (isInOrder && !isFirst) || (place !== null && isOpen(answer));
      (waits ? rest : due).push(answer);
      keys.add(key);
      isFirst &&= !isInOrder;
    }
    this.#answers = rest;
    return due;
  }

  #remember(key: string, issuedAt: number, now: number): void {
    for (const [former, at] of this.#seen) if (isExpired(at, now)) this.#seen.delete(former);
    this.#seen.set(key, issuedAt);
  }
}

/*
 * Which groups an operator may mean by a digest: those of which it was shown. Without this each approval would work out the
 * digest of every group that holds something.
 */

/** Of one group: an operator decides about the newest, and may ask once more about one before. */
const PER_GROUP_MAX = 8;

/** @typeParam G the group. */
export class HeldDigests<G> {
  readonly #groups = new Map<string, G>();
  /** The oldest first. */
  readonly #ofGroup = new Map<G, Set<string>>();

  get size(): number {
    return this.#groups.size;
  }

  /** The digest is shown, or was decided about, as one of this group. */
  note(group: G, digest: string): void {
    const digests = this.#ofGroup.get(group) ?? new Set<string>();
    this.#ofGroup.set(group, digests);
    digests.delete(digest);
    digests.add(digest);
    this.#groups.set(digest, group);
    const [oldest] = digests;
    if (digests.size <= PER_GROUP_MAX || oldest === undefined) return;
    digests.delete(oldest);
    this.#groups.delete(oldest);
  }

  /** null: of none, as far as is known. */
  groupOf(digest: string): G | null {
    return this.#groups.get(digest) ?? null;
  }

  /** Nothing of the group is left. */
  forget(group: G): void {
    for (const digest of this.#ofGroup.get(group) ?? []) this.#groups.delete(digest);
    this.#ofGroup.delete(group);
  }
}
