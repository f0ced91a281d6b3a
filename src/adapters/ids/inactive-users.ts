/**
 * Tells inactive users from missing ones. The vendor: without a filter a list holds "all active users"; inactive ones need
 * `active eq false`. Whether a filter by another attribute hides them, and whether two conditions are understood, is not
 * documented (genesys.md 4.3). So it is tried on an inactive user that the list shows, and what was found out holds for an hour:
 *   shown    a filter by the attribute finds inactive users too: who was not found is missing, nothing more is asked
 *   one      it hides them, all inactive users fit on one page: that page tells, for all that wait for it together
 *   and      it hides them, two conditions are understood: one more request for each
 *   paged    else every page is read, for all that wait together
 * What a page tells must be newer than the search that found no user: people are deactivated and removed in one go, and who
 * is taken for missing is not removed. So a user that arrives during a reading waits for the next one.
 */
import type { ListedResource } from '../../core/ids/look-up.ts';
import {
  foldedValue,
  foldedValues,
  judgeResources,
  readScimList,
  searchFor,
  searchInactive,
  searchOneInactive,
  type LookUpAttribute,
  type ScimList,
  type Search,
} from '../../core/ids/look-up.ts';
import type { HttpAnswer } from '../../core/target/refusals.ts';
import type { Clock, GroupApi, Logger, MayStart, Resolution } from '../../ports.ts';

type Way = 'unknown' | 'shown' | 'one' | 'and' | 'paged';

const WAY_KEEP_MS = 3_600_000;
/** 100,000 inactive users; a server that never comes to an end must not keep us for ever. */
const PAGES_MAX = 4_000;

interface WaitingLookUp {
  readonly value: string;
  readonly mayStart: MayStart;
  readonly resolve: (resolution: Resolution) => void;
}

export class InactiveUsers {
  readonly #attribute: LookUpAttribute;
  readonly #asking: Asking;
  readonly #clock: Clock;
  readonly #logger: Logger;
  #way: Way = 'unknown';
  #wayUntil = 0;
  #waiting: WaitingLookUp[] = [];
  #isReading = false;

  constructor(
    attribute: LookUpAttribute,
    { asking, clock, logger }: { readonly asking: Asking; readonly clock: Clock; readonly logger: Logger },
  ) {
    this.#attribute = attribute;
    this.#asking = asking;
    this.#clock = clock;
    this.#logger = logger;
  }

  /** Of a value that a search has just not found. */
  find(value: string, mayStart: MayStart): Promise<Resolution> {
    const way = this.#knownWay();
    if (way === 'shown') return Promise.resolve({ kind: 'missing' });
    if (way === 'and') return this.#findOne(value, mayStart);
    return new Promise((resolve) => {
      this.#waiting.push({ value, mayStart, resolve });
      if (!this.#isReading) void this.#readAll();
    });
  }

  #knownWay(): Way {
    if (this.#clock.now().monotonic >= this.#wayUntil) this.#way = 'unknown';
    return this.#way;
  }

  #learn(way: Way): void {
    this.#way = way;
    this.#wayUntil = this.#clock.now().monotonic + WAY_KEEP_MS;
    if (way === 'paged') this.#logger.warn({}, 'unknown users are looked for on every page of inactive users');
  }

  async #findOne(value: string, mayStart: MayStart): Promise<Resolution> {
    const sought = { attribute: this.#attribute, value };
    const asked = await this.#asking.ask(searchOneInactive(sought), mayStart);
    return asked.kind === 'list' ? judgeResources(asked.list.resources, sought) : asked;
  }

  async #readAll(): Promise<void> {
    this.#isReading = true;
    while (this.#waiting.length > 0) {
      await this.#asking.permit();
      await this.#readFor(this.#waiting.splice(0));
    }
    this.#isReading = false;
  }

  /** One reading, for which a permit is taken. */
  async #readFor(batch: readonly WaitingLookUp[]): Promise<void> {
    const mayStart = (): boolean => batch.some((waiting) => waiting.mayStart());
    const first = await this.#asking.send(searchInactive(this.#attribute, 1), mayStart);
    if (first.kind === 'unanswered') return this.#answerAll(batch, first);
    const left = this.#answerFound(batch, first.list.resources);
    if (left.length === 0) return;
    const unanswered = await this.#chooseWay(first.list, mayStart);
    if (unanswered !== null) return this.#answerAll(left, unanswered);
    switch (this.#way) {
      case 'and':
        for (const { value, mayStart: own, resolve } of left) void this.#findOne(value, own).then(resolve);
        return;
      case 'paged':
        return this.#readOn(left, { list: first.list, mayStart });
      case 'shown':
      case 'one':
      case 'unknown':
        this.#answerAll(left, { kind: 'missing' });
    }
  }

  /** @returns what kept it from being found out; null: nothing. */
  async #chooseWay({ resources, total }: ScimList, mayStart: MayStart): Promise<Unanswered | null> {
    const isWhole = total <= resources.length;
    const way = this.#knownWay();
    if (way === 'paged' || (way === 'one' && isWhole)) return null;
    const inactive = resources.filter(({ active }) => active === false);
    const sample = inactive.flatMap((resource) => foldedValues(this.#attribute, resource))[0];
    if (sample === undefined) {
      // No user to try it on: the next reading may show one.
      if (!isWhole) this.#learn('paged');
      return null;
    }
    const sought = { attribute: this.#attribute, value: sample };
    const plain = way === 'one' ? false : this.#shows(await this.#asking.ask(searchFor(sought), mayStart), sample);
    if (typeof plain !== 'boolean') return plain;
    if (plain || isWhole) this.#learn(plain ? 'shown' : 'one');
    if (plain || isWhole) return null;
    const both = this.#shows(await this.#asking.ask(searchOneInactive(sought), mayStart), sample);
    if (typeof both !== 'boolean') return both;
    this.#learn(both ? 'and' : 'paged');
    return null;
  }

  /** A refused filter shows no user; a failed request says nothing. */
  #shows(asked: Asked, sample: string): boolean | Unanswered {
    if (asked.kind === 'list') {
      const { resources } = asked.list;
      return resources.some((one) => one.active === false && foldedValues(this.#attribute, one).includes(sample));
    }
    return asked.answer.kind === 'response' && asked.answer.status === 400 ? false : asked;
  }

  /** The pages behind the first. */
  async #readOn(
    batch: readonly WaitingLookUp[],
    { list, mayStart }: { readonly list: ScimList; readonly mayStart: MayStart },
  ): Promise<void> {
    let left = batch;
    let { total } = list;
    let read = list.resources.length;
    const seen = new Set(list.resources.map(({ id }) => id));
    for (let pages = 1; pages < PAGES_MAX && left.length > 0 && read < total; pages += 1) {
      const page = await this.#asking.ask(searchInactive(this.#attribute, read + 1), mayStart);
      if (page.kind === 'unanswered') return this.#answerAll(left, page);
      const sizeBefore = seen.size;
      for (const { id } of page.list.resources) seen.add(id);
      // It is the end of the list, or a server that shows one page for ever.
      if (seen.size === sizeBefore) break;
      left = this.#answerFound(left, page.list.resources);
      ({ total } = page.list);
      read += page.list.resources.length;
    }
    this.#answerAll(left, { kind: 'missing' });
  }

  /** @returns those that are not among these. A list may hold active users, where its filter is not understood. */
  #answerFound(batch: readonly WaitingLookUp[], resources: readonly ListedResource[]): readonly WaitingLookUp[] {
    const values = new Set(resources.flatMap((resource) => foldedValues(this.#attribute, resource)));
    return batch.filter(({ value, resolve }) => {
      if (!values.has(foldedValue(this.#attribute, value))) return true;
      resolve(judgeResources(resources, { attribute: this.#attribute, value }));
      return false;
    });
  }

  #answerAll(batch: readonly WaitingLookUp[], resolution: Resolution): void {
    for (const { resolve } of batch) resolve(resolution);
  }
}

type Unanswered = Extract<Asked, { kind: 'unanswered' }>;

/*
 * Search requests to the target, each with a permit of the rate gate. Look-ups queue here and not in the gate, where
 * waiting groups are served before new ones: thousands of unknown users would keep every change waiting.
 */

export type Asked =
  | { readonly kind: 'list'; readonly list: ScimList }
  | { readonly kind: 'unanswered'; readonly answer: HttpAnswer };

export class Asking {
  readonly #api: Pick<GroupApi, 'gate' | 'search'>;
  #turn: Promise<void> = Promise.resolve();

  constructor(api: Pick<GroupApi, 'gate' | 'search'>) {
    this.#api = api;
  }

  async ask(search: Search, mayStart: MayStart): Promise<Asked> {
    await this.permit();
    return this.send(search, mayStart);
  }

  /** Resolves with a permit taken, first come first served among look-ups. */
  permit(): Promise<void> {
    const turn = this.#turn.then(() => this.#takeFairly());
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  /** Uses up a permit. */
  async send(search: Search, mayStart: MayStart): Promise<Asked> {
    const answer = await this.#api.search({ ...search, mayStart });
    if (answer.kind === 'not_started') this.#api.gate.giveBack();
    const list = answer.kind === 'response' && answer.status === 200 ? readScimList(answer.body) : null;
    if (list === null) return { kind: 'unanswered', answer };
    // There are some, and none is shown: no user may be taken for missing.
    const isWithheld = search.startIndex === 1 && list.total > 0 && list.resources.length === 0;
    return isWithheld ? { kind: 'unanswered', answer } : { kind: 'list', list };
  }

  /** Who waits for an open gate beside us takes that permit, and we the next one: turn and turn about. */
  async #takeFairly(): Promise<void> {
    await this.#api.gate.whenOpen();
    await this.#api.gate.take();
  }
}
