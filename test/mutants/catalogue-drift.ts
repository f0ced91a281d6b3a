/** Mutants of `rollcall diff` and `resync`, and of comparisons beside the service. */
import type { Mutant } from './mutant.ts';

export const driftMutants: readonly Mutant[] = [
  {
    name: 'undone-called-missing',
    breaks: 'what others have undone is listed as never done',
    edits: [{ find: "standing?.final?.kind === 'done' && standing.op === op", replace: 'standing === undefined' }],
    scenario: 'turns',
  },
  {
    name: 'unread-not-looked-at',
    breaks: 'a change that no instance has read is listed as missing',
    edits: [{ find: "!this.#known.isCommitted(place) ? 'unread' : null", replace: "false ? 'unread' : null" }],
    scenario: 'calm',
  },
  {
    name: 'waiting-called-drift',
    breaks: 'a change that waits in the retry topic is listed as missing',
    edits: [{ find: 'if (waiting !== null) return waiting;', replace: '' }],
  },
  {
    name: 'foreign-called-extra',
    breaks: 'a member whom neither source nor report has named is called extra',
    edits: [{ find: 'else if (isMember && !isNamed)', replace: 'else if (isMember && isNamed === null)' }],
    scenario: 'calm',
  },
  {
    name: 'doubtful-read-compared',
    breaks: 'whom a list that may be cut does not show is called missing',
    edits: [{ find: 'else if (!isMember && this.#snapshot.isDoubtful)', replace: 'else if (isMember === null)' }],
    tests: ['test/unit/drift.test.ts'],
  },
  {
    name: 'replaced-state-forgotten',
    breaks: 'whom only an older full state has named counts as foreign',
    edits: [{ find: 'if (!members.has(key)) this.#noteNamed(name, former.place);', replace: '' }],
    tests: ['test/unit/drift.test.ts'],
  },
  {
    name: 'compared-beside-work',
    breaks: 'a comparison asks the target while changes are on their way',
    edits: [
      {
        find: 'if (queue.readyCount + queue.lockedCount + lookUps.size + outbox.size > 0) return false;',
        replace: 'if (queue.readyCount + lookUps.size + outbox.size > 0) return false;',
      },
    ],
    tests: ['test/contract/drift-watch.test.ts'],
  },
  {
    name: 'compared-while-open',
    breaks: 'a comparison asks the target while the breaker is open',
    edits: [
      { find: 'if (!lease.mayAsk || !breaker.isClosed) return false;', replace: 'if (!lease.mayAsk) return false;' },
    ],
    tests: ['test/contract/drift-watch.test.ts'],
  },
  {
    name: 'compared-while-unread',
    breaks: 'a comparison asks the target while source records are not read',
    edits: [
      {
        find: 'partition.inbox.isEmpty && backlog.unread(partition).lag === 0',
        replace: 'partition.inbox.isEmpty && backlog !== undefined',
      },
    ],
    tests: ['test/contract/drift-watch.test.ts'],
  },
  {
    name: 'compared-too-late',
    breaks: 'a request of a comparison is written although a change came while its token was fetched',
    edits: [{ find: 'request.mayStart() && this.#idle.isNow', replace: 'request.mayStart()' }],
    tests: ['test/contract/drift-watch.test.ts'],
  },
  {
    name: 'compared-permit-lost',
    breaks: 'a permit of a comparison whose request did not start is lost',
    edits: [
      {
        find: "if (answer.kind === 'not_started') this.#api.gate.giveBack(); else this.requestCount += 1;",
        replace: 'this.requestCount += 1;',
      },
    ],
    tests: ['test/contract/drift-watch.test.ts'],
  },
  {
    name: 'paused-compared',
    breaks: 'a group that is paused is compared',
    edits: [{ find: "return pass.note('paused');", replace: "pass.note('paused');" }],
    tests: ['test/contract/drift-watch.test.ts'],
  },
  {
    name: 'paused-meanwhile-compared',
    breaks: 'a group that is paused while it waits for its turn is compared',
    edits: [{ find: 'this.#isOwned(owned) && !isPaused()', replace: 'this.#isOwned(owned)' }],
    tests: ['test/contract/drift-watch.test.ts'],
  },
  {
    name: 'lost-meanwhile-compared',
    breaks: 'a group whose partition is lost while it waits for its turn is compared under the former ownership',
    edits: [{ find: 'this.#isOwned(owned) && !isPaused()', replace: '!isPaused()' }],
    tests: ['test/contract/drift-watch.test.ts'],
  },
  {
    name: 'drift-reported-too-late',
    breaks: 'drift is reported after the change that has ended it',
    edits: [{ find: "if (sourceHasMoved(compared, evidence)) return 'moved';", replace: '' }],
    tests: ['test/contract/drift-watch.test.ts'],
  },
  {
    name: 'drift-of-others-kept',
    breaks: 'what was found of a group stays counted when its newest record is in a partition of another instance',
    edits: [
      {
        find: 'if (!isHere(group, owned)) this.#byGroup.delete(group)',
        replace: 'if (group === null) this.#byGroup.delete(group)',
      },
    ],
    tests: ['test/unit/drift-findings.test.ts'],
  },
  {
    name: 'compared-without-pace',
    breaks: 'a request of a comparison that is tried again does not wait for the pace',
    edits: [{ find: 'await pace.turn(stop);', replace: 'if (this.requestCount % 4 === 0) await pace.turn(stop);' }],
    tests: ['test/contract/drift-watch.test.ts'],
  },
  {
    name: 'moved-topic-read-on',
    breaks: 'evidence is read on although retention has taken records that were not read',
    edits: [{ find: 'if (offset >= start && offset <= end) continue;', replace: 'if (offset <= end) continue;' }],
    tests: ['test/contract/drift-evidence.test.ts'],
  },
  {
    name: 'recreated-topic-read-on',
    breaks: 'evidence is read on although its topic was recreated',
    edits: [{ find: 'if (offset >= start && offset <= end) continue;', replace: 'if (offset >= start) continue;' }],
    tests: ['test/contract/drift-evidence.test.ts'],
  },
  {
    name: 'report-of-no-id-read',
    breaks: 'a report is read although its ids could stand in no path, and ends every comparison',
    edits: [{ find: 'idsIn(record).every(isStoredId) ?', replace: 'idsIn(record).length >= 0 ?' }],
    tests: ['test/contract/drift-evidence.test.ts'],
  },
  {
    name: 'unreadable-key-is-group',
    breaks: 'the key of an unreadable source record is compared as a group, though no group can have it',
    edits: [{ find: 'text !== null && isStoredId(text) ? text : null', replace: 'text' }],
    tests: ['test/unit/report-search.test.ts'],
  },
  {
    name: 'moved-topic-ends-pass',
    breaks: 'a comparison whose topics cannot be read on fails, and is not begun again',
    edits: [{ find: 'if (!(error instanceof TopicMovedError)) throw error;', replace: 'throw error;' }],
    tests: ['test/contract/drift-watch.test.ts'],
  },
  {
    name: 'problems-logged-again',
    breaks: 'evidence that cannot be read is logged at each pass',
    edits: [{ find: 'if (this.#problems.has(problem)) continue;', replace: '' }],
    tests: ['test/contract/drift-watch.test.ts'],
  },
  {
    name: 'evidence-bytes-uncounted',
    breaks: 'what was known of a group is not subtracted from the memory that evidence takes',
    edits: [{ find: 'this.#keptBytes += facts.keptBytes - before;', replace: 'this.#keptBytes += facts.keptBytes;' }],
    tests: ['test/contract/drift-evidence.test.ts'],
  },
  {
    name: 'drift-reported-again',
    breaks: 'a member that differs is reported after each comparison',
    edits: [{ find: 'known.has(key) ? [] : [finding]', replace: 'known.has(key) ? [finding] : [finding]' }],
    tests: ['test/contract/drift-watch.test.ts'],
  },
  {
    name: 'drift-never-reported-again',
    breaks: 'what differs is not reported by the next owner of its partition',
    edits: [
      {
        find: 'known?.owned === owned ? known.findings : NONE',
        replace: 'known !== undefined ? known.findings : NONE',
      },
    ],
    tests: ['test/unit/drift-findings.test.ts'],
  },
  {
    name: 'drift-taken-for-change',
    breaks: 'a report of drift counts as a report of a change',
    edits: [
      {
        find: "new Set<ReportOutcome>(['no_changes', 'paused', 'resumed', 'drift'])",
        replace: "new Set<ReportOutcome>(['no_changes', 'paused', 'resumed'])",
      },
    ],
    tests: ['test/unit/drift-findings.test.ts'],
  },
  {
    name: 'moved-source-not-seen',
    breaks: 'a change that came while a group was compared is called drift',
    edits: [
      {
        find: 'yield sourceHasMoved(each, evidence) ? movedOn(each) : each',
        replace: 'yield each',
      },
    ],
    tests: ['test/contract/diff.test.ts'],
  },
  {
    name: 'older-answer-compared',
    breaks: 'an answer that is older than our own last request is compared',
    edits: [{ find: 'if (isOlderVersion(snapshot.version, lastVersion)) {', replace: 'if (false) {' }],
    tests: ['test/contract/diff.test.ts'],
  },
  {
    name: 'held-report-passed-over',
    breaks: 'a change whose last report says that it is held is called undone, where its live record cannot be read',
    edits: [{ find: 'const waiting = this.#waitsBy({ final, waits });', replace: 'const waiting = null;' }],
    tests: ['test/unit/drift.test.ts'],
  },
  {
    name: 'unreadable-retry-batch-passed-over',
    breaks: 'a batch of the retry topic that cannot be read is no obstacle to a repair',
    edits: [{ find: '...this.#batches.filter(isNear),', replace: '' }],
    tests: ['test/contract/drift-evidence.test.ts'],
  },
  {
    name: 'unreadable-live-record-passed-over',
    breaks: 'a live record that cannot be read is no obstacle to a repair',
    edits: [{ find: 'known.unreadable.set(idKey(parsed.group ?? UNKNOWN_GROUP), parsed.problem);', replace: '{}' }],
    tests: ['test/contract/drift-evidence.test.ts'],
  },
  {
    name: 'unreadable-event-passed-over',
    breaks: 'an event of the group that cannot be read is no obstacle to a repair before it is reported',
    edits: [
      {
        find: 'if (!isChange(event)) this.#facts.note(group, (facts) => facts.takeInvalid(place));',
        replace: 'if (!isChange(event)) continue;',
      },
    ],
    tests: ['test/contract/drift-evidence.test.ts'],
  },
  {
    name: 'other-partition-gone-unseen',
    breaks: 'who is wanted is called certain though the oldest records of one partition are gone',
    edits: [{ find: 'return [...offsets.values()].some(', replace: 'return [...offsets.values()].every(' }],
    tests: ['test/contract/drift-evidence.test.ts'],
  },
  {
    name: 'file-before-source',
    breaks: 'what a file says against the newest event of a member is called missing or extra without that event',
    edits: [
      {
        find: 'standing.op !== null && standing.op !== op) {',
        replace: 'standing.op !== null && standing.op === undefined) {',
      },
    ],
    tests: ['test/unit/drift.test.ts'],
  },
  {
    name: 'former-name-foreign',
    breaks: 'whom Rollcall has added by a name that the id map gives no more is called foreign',
    edits: [{ find: 'return !isNamed && this.#reported.has(key);', replace: 'return false;' }],
    tests: ['test/unit/drift.test.ts'],
  },
  {
    name: 'former-name-counts-as-done',
    breaks: 'a report about the former name of a member is taken for one about the present name',
    edits: [{ find: 'final: isElsewhere ? null : final', replace: 'final' }],
    tests: ['test/unit/drift.test.ts'],
  },
  {
    name: 'refused-counts-as-drift',
    breaks: 'a removal that an operator has refused is drift',
    edits: [
      {
        find: "const isRefused = ({ evidence }: { readonly evidence: string }): boolean => evidence === 'refused';",
        replace: 'const isRefused = (): boolean => false;',
      },
    ],
    tests: ['test/contract/drift-evidence.test.ts'],
  },
  {
    name: 'budget-taken-whole',
    breaks: 'the comparison takes all that the target allows, and leaves the service nothing',
    edits: [{ find: 'wished ?? SHARE * Math.min(', replace: 'wished ?? Math.min(' }],
    tests: ['test/contract/diff.test.ts'],
  },
  {
    name: 'foreign-leaves-unasked',
    breaks: 'a repair removes members whom neither source nor report has named, though it was not asked to',
    edits: [{ find: 'const others = removesForeign ? foreign : [];', replace: 'const others = foreign;' }],
    tests: ['test/unit/drift-repair.test.ts'],
  },
  {
    name: 'foreign-left-unnamed',
    breaks: 'a full state that repairs a group names no foreign member, and so removes them',
    edits: [
      {
        find: 'if (differences.foreign.length > 0 && !removesForeign)',
        replace: 'if (differences.foreign.length < 0 && !removesForeign)',
      },
    ],
    tests: ['test/unit/drift-repair.test.ts'],
  },
  {
    name: 'removed-without-certainty',
    breaks: 'foreign members are removed though the records are gone that may say that they are wanted',
    edits: [
      {
        find: 'if (others.length > 0 && !wanted.isCertain)',
        replace: 'if (others.length < 0 && !wanted.isCertain)',
      },
    ],
    tests: ['test/contract/resync.test.ts'],
  },
  {
    name: 'stale-repair-stands',
    breaks: 'a repair that has replaced a newer change of the source is not corrected',
    edits: [{ find: 'if (correction === null) return', replace: 'if (correction !== undefined) return' }],
    tests: ['test/contract/resync.test.ts'],
  },
  {
    name: 'repaired-though-moved',
    breaks: 'a repair is written although the source has got a record of the group since it was compared',
    edits: [{ find: "if (sourceHasMoved(compared, evidence)) return { kind: 'moved' };", replace: '' }],
    tests: ['test/contract/resync.test.ts'],
  },
  {
    name: 'repaired-elsewhere',
    breaks: 'a repair goes to the partition of its key, also where the records of its group are in another one',
    edits: [
      {
        find: 'return this.#facts.factsOf(group)?.newest?.partition ?? this.#source.partitionOf(',
        replace: 'return this.#source.partitionOf(',
      },
    ],
    tests: ['test/contract/resync.test.ts'],
  },
  {
    name: 'repair-taken-for-other-format',
    breaks: 'a repair in a topic of another format is not marked as native',
    edits: [{ find: "const isBeside = sources.format.name !== 'native';", replace: 'const isBeside = false;' }],
    tests: ['test/contract/resync.test.ts'],
  },
  {
    name: 'emptied-by-a-delta',
    breaks: 'a repair removes all users of a group by a delta, of which the guard holds only what exceeds its limits',
    edits: [{ find: 'if (!isEmptying && add !== null', replace: 'if (add !== null' }],
    tests: ['test/contract/resync.test.ts'],
  },
  {
    name: 'removed-beside-unnamed',
    breaks: 'a repair removes members while one is wanted whose name at the target is not known',
    edits: [{ find: 'if (leaving.length > 0 && unnamed > 0)', replace: 'if (leaving.length > 0 && unnamed < 0)' }],
    tests: ['test/contract/resync.test.ts'],
  },
  {
    name: 'lost-write-given-up',
    breaks: 'a repair whose answer is lost is given up, though it may have replaced newer changes of the source',
    edits: [{ find: "if (sent !== 'written' && sent.kind === 'unwritten')", replace: "if (sent !== 'written')" }],
    tests: ['test/contract/resync.test.ts'],
  },
  {
    name: 'reading-back-given-up',
    breaks: 'a repair stands uncorrected where the source cannot be read just after it',
    edits: [{ find: 'if (looks === LOOKS_MAX)', replace: 'if (looks === LOOKS_MAX || problem !== null)' }],
    tests: ['test/contract/resync.test.ts'],
  },
  {
    name: 'replaced-and-not-said',
    breaks: 'where corrections are given up, the error does not say what the source still needs',
    edits: [{ find: 'if (correction === null) break;', replace: 'if (correction !== undefined) break;' }],
    tests: ['test/contract/resync.test.ts'],
  },
  {
    name: 'written-after-a-signal',
    breaks: 'a signal does not end the writing of repairs',
    edits: [{ find: '!isWriting || stop.aborted', replace: '!isWriting' }],
    tests: ['test/contract/resync.test.ts'],
  },
  {
    name: 'refused-removed-again',
    breaks: 'a repair removes members whose removal an operator has refused, or whom the source wants',
    edits: [{ find: '...extra.filter(isRepairable)', replace: '...extra' }],
    tests: ['test/unit/drift-repair.test.ts'],
  },
  {
    name: 'pending-replaced',
    breaks: 'a full state that repairs a group replaces what waits of it',
    edits: [{ find: 'if (differences.pending.length > 0)', replace: 'if (differences.pending.length < 0)' }],
    tests: ['test/contract/resync.test.ts'],
  },
  {
    name: 'hidden-members-removed',
    breaks: 'a full state that repairs a group removes members whom the target does not show',
    edits: [{ find: 'if (shown.isDoubtful)', replace: 'if (shown === null)' }],
    tests: ['test/unit/drift-repair.test.ts'],
  },
  {
    name: 'unread-elsewhere-replaced',
    breaks: 'a repair replaces an event that no instance has read, in a partition where the group never was',
    edits: [{ find: '{ ...flags, allPartitions: true }', replace: 'flags' }],
    tests: ['test/contract/resync.test.ts'],
  },
  {
    name: 'unreadable-taken-for-nothing',
    breaks: 'a repair is written, and taken for right, although a batch that came meanwhile cannot be unpacked',
    edits: [{ find: 'evidence.problems[this.#problemCount] ?? null', replace: 'evidence.problems[Infinity] ?? null' }],
    tests: ['test/contract/resync.test.ts'],
  },
  {
    name: 'done-before-explained-as-done',
    breaks: 'a change that was done, is read again and waits is explained as done',
    edits: [{ find: '(reports[0]?.epoch ?? 0) <= done.epoch', replace: 'reports[0] !== undefined' }],
    tests: ['test/unit/explain.test.ts'],
  },
  {
    name: 'done-before-called-undone',
    breaks: 'a change that was done, is read again and waits is called undone',
    edits: [{ find: 'reports.waits.epoch > reports.final.epoch', replace: 'reports.waits.epoch > Infinity' }],
    tests: ['test/unit/drift.test.ts'],
  },
  {
    name: 'compared-beside-reports',
    breaks: 'a comparison asks the target while a group is in flight or reports are not written',
    edits: [
      {
        find: 'if (queue.readyCount + queue.lockedCount + lookUps.size + outbox.size > 0) return false;',
        replace: 'if (queue.readyCount + lookUps.size > 0) return false;',
      },
    ],
    scenario: 'compared',
  },
  {
    name: 'drift-of-one-who-does-not',
    breaks: 'of each member who differs another one is reported, too, who does not',
    edits: [
      {
        find: 'compared.differences, compared.snapshot?.version ?? null);',
        replace:
          "compared.differences, compared.snapshot?.version ?? null).flatMap((each) => [each, { ...each, member: 'ghost', target: 'ghost' }]);",
      },
    ],
    scenario: 'compared',
  },
  {
    name: 'moved-source-reported',
    breaks: 'what a change has done while its group was compared is reported as drift',
    edits: [
      {
        find: 'evidence.known(idKey(group), null).facts.eventCount > eventCount;',
        replace: 'evidence.known(idKey(group), null).facts.eventCount < eventCount;',
      },
    ],
    scenario: 'compared',
  },
  {
    name: 'drift-never-ends',
    breaks: 'a member who no longer differs stays among those that differ',
    edits: [
      {
        find: 'if (found.length === 0) this.#byGroup.delete(group);',
        replace: 'if (found.length === 0) return;',
      },
    ],
    scenario: 'compared',
  },
  {
    name: 'compared-by-old-evidence',
    breaks: 'a pass compares by what the pass before it has read of the topics',
    edits: [{ find: 'await known?.refresh();', replace: 'await Promise.resolve(known);' }],
    scenario: 'compared',
  },
  {
    name: 'compared-twice',
    breaks: 'a pass asks for each group twice',
    edits: [
      {
        find: 'const groups = evidence.groups.filter((group) => pipeline.owned(evidence.partitionOf(group)) !== null);',
        replace:
          'const once = evidence.groups.filter((group) => pipeline.owned(evidence.partitionOf(group)) !== null); const groups = [...once, ...once];',
      },
    ],
    scenario: 'compared',
  },
  {
    name: 'nameless-reports-of-one-partition',
    breaks: 'an unreadable report that names no group counts in the first partition that has one',
    edits: [
      { find: 'noteFirst(this.#reportsOfNone, partition, found)', replace: 'noteFirst(this.#reportsOfNone, 0, found)' },
    ],
    tests: ['test/contract/drift-evidence.test.ts'],
  },
  {
    name: 'lost-partition-compared',
    breaks: 'a comparison asks Kafka of a partition that a report or a live record names and the source does not have',
    edits: [
      {
        find: '(newest === null ? waiting : [newest.partition, ...waiting]).filter((each) => this.#source.has(each))',
        replace: 'newest === null ? waiting : [newest.partition, ...waiting]',
      },
    ],
    tests: ['test/contract/drift-evidence.test.ts'],
  },
];
