/** Mutants of `rollcall undo` and `rewind`. */
import type { Mutant } from './mutant.ts';

export const undoMutants: readonly Mutant[] = [
  {
    name: 'rewind-goes-forward',
    breaks: 'a rewind passes over changes that were not applied yet',
    edits: [{ find: 'if (to >= offset) return null;', replace: 'if (to === offset) return null;' }],
    tests: ['test/contract/rewind.test.ts'],
  },
  {
    name: 'rewind-beside-instances',
    breaks: 'offsets are moved while an instance runs, which commits its own again',
    edits: [{ find: 'if (members.length === 0) return;', replace: 'if (members.length >= 0) return;' }],
    tests: ['test/contract/rewind.test.ts'],
  },
  {
    name: 'rewind-over-another',
    breaks: 'a rewind moves offsets that another command has moved while it was reading',
    edits: [{ find: 'if (moved !== undefined) throw', replace: 'if (moved?.[0] === -1) throw' }],
    tests: ['test/contract/rewind.test.ts'],
  },
  {
    name: 'rewind-not-read-back',
    breaks: 'a rewind says that it has moved offsets that another command has replaced',
    edits: [{ find: 'if (replaced !== undefined)', replace: 'if (replaced?.partition === -1)' }],
    tests: ['test/contract/rewind.test.ts'],
  },
  {
    name: 'rewind-by-no-name',
    breaks: 'the commit of the next owner forgets who has rewound',
    edits: [
      {
        find: '...withRewind(mark, ({ from }) => from <= view.end),',
        replace: '...withRewind(mark, () => false),',
      },
    ],
    tests: ['test/contract/rewind.test.ts'],
  },
  {
    name: 'rewind-for-ever',
    breaks: 'a rewind is shown, and takes room in every commit, after the partition is past it',
    edits: [
      {
        find: 'const mark = withRewind(remembered, ({ from }) => committed <= from);',
        replace: 'const mark = withRewind(remembered, () => true);',
      },
    ],
    tests: ['test/contract/rewind.test.ts'],
  },
  {
    name: 'rewind-without-room',
    breaks: 'more is read again than has room, so that older changes are sent before newer ones are read',
    edits: [
      { find: 'if (pendingCount <= intakeResumesAt(pendingMax)) return;', replace: 'if (pendingCount >= 0) return;' },
    ],
    tests: ['test/contract/rewind.test.ts'],
  },
  {
    name: 'early-for-reports',
    breaks: 'reports that are still to be written make an owner send older changes before it has read newer ones',
    edits: [{ find: 'if (intakeLimit.isPaused && !makesRoom)', replace: 'if (intakeLimit.isPaused)' }],
    tests: ['test/contract/rewind.test.ts'],
  },
  {
    name: 'rewind-of-two-partitions',
    breaks: 'records of one group are read again of two partitions, whose changes have no order',
    edits: [{ find: '  demandOnePartition(found, COMMAND);\n  return found;', replace: '  return found;' }],
    tests: ['test/contract/rewind.test.ts'],
  },
  {
    name: 'undone-over-newer',
    breaks: 'an undo takes back a change of a member about whom the source has said something since',
    edits: [
      {
        find: 'comparePlaces(place, last.place) > 0) ?? null',
        replace: 'comparePlaces(place, last.place) > 1e9) ?? null',
      },
    ],
    tests: ['test/unit/undo.test.ts'],
  },
  {
    name: 'round-trip-undone',
    breaks: 'an undo changes a member who came and went within the time',
    edits: [{ find: 'isSure && asked[0]?.op !== asked.at(-1)?.op', replace: 'isSure && asked.length === 0' }],
    tests: ['test/unit/undo.test.ts'],
  },
  {
    name: 'undone-though-not-there',
    breaks: 'an undo changes a member whom others have changed since',
    edits: [
      {
        find: "if (snapshot.members.has(idKey(last.target)) !== (last.op === 'add'))",
        replace: "if (snapshot.members.has(idKey(last.target)) === null && last.op === 'add')",
      },
    ],
    tests: ['test/unit/undo.test.ts'],
  },
  {
    name: 'undone-for-another',
    breaks: 'an undo takes back what another author has brought',
    edits: [{ find: "by === author ? 'yes' : 'no'", replace: "by === author ? 'yes' : 'yes'" }],
    tests: ['test/unit/undo.test.ts'],
  },
  {
    name: 'undone-by-another-name',
    breaks: 'an undo changes another user, whom the id map gives the name by now',
    edits: [{ find: "return isNamed ? null : 'renamed';", replace: 'return null;' }],
    tests: ['test/contract/undo.test.ts'],
  },
  {
    name: 'undone-without-reports',
    breaks: 'an undo is made of the reports that are left, though some of the time may be gone',
    edits: [
      { find: '[...oldest].find(([, { time }]) => time === null)', replace: '[...oldest].find(() => false)' },
      { find: 'time ?? Infinity', replace: 'time ?? 0' },
    ],
    tests: ['test/contract/undo.test.ts'],
  },
  {
    name: 'settings-prove-reports',
    breaks: 'an undo believes that reports are there since the settings as they are now would have kept them',
    edits: [{ find: 'if (isKept && areKept)', replace: 'if (isKept)' }],
    tests: ['test/contract/undo.test.ts'],
  },
  {
    name: 'no-time-reaches-back',
    breaks: 'an undo passes over reports that are gone where the oldest one that is left has no time, or the time 0',
    edits: [{ find: 'timestamp >= from && timestamp <= to', replace: 'timestamp <= to' }],
    tests: ['test/contract/undo.test.ts'],
  },
  {
    name: 'others-taken-back',
    breaks: 'an undo takes back what others may have done while tries of Rollcall failed',
    edits: [{ find: "isSure: (outcome === 'applied' ||", replace: 'isSure: (true ||' }],
    tests: ['test/contract/undo.test.ts'],
  },
  {
    name: 'lost-answer-forgotten',
    breaks: 'an undo takes away who was a member before a removal whose answer was lost',
    edits: [{ find: 'followsUnsure: unsure.some(isJustBefore)', replace: 'followsUnsure: unsure.length < 0' }],
    tests: ['test/unit/undo.test.ts'],
  },
  {
    name: 'unseen-change-undone',
    breaks: 'an undo takes back a change that was sent of a list that may be cut, and may have changed nothing',
    edits: [{ find: 'request?.unseen !== true,', replace: 'request?.verified !== null,' }],
    tests: ['test/unit/undo.test.ts'],
  },
  {
    name: 'unseen-not-reported',
    breaks: 'a report does not say that its request may have changed nothing',
    edits: [{ find: '...(request.isUnseen && { unseen: true }),', replace: '' }],
    tests: ['test/contract/rules/doubtful-reads.test.ts'],
  },
  {
    name: 'undone-by-old-look-up',
    breaks: 'an undo names users as reports of then did, though the target may know them by other names',
    edits: [
      {
        find: 'const resolution = this.#ids.known(kind, name) ?? (await this.#target.lookUp(this.#ids, kind, name));',
        replace: 'const resolution = this.#ids.known(kind, name);\n      if (resolution === null) continue;',
      },
    ],
    tests: ['test/contract/undo.test.ts'],
  },
  {
    name: 'newer-name-overlooked',
    breaks: 'a newer event of the member by a name that means another one by now is overlooked',
    edits: [{ find: 'note(report.target, place);', replace: 'note(null, place);' }],
    tests: ['test/contract/undo.test.ts'],
  },
  {
    name: 'pending-called-undone',
    breaks: 'a change that is applied again after a rewind is called undone',
    edits: [
      {
        find: "isPending(last, known) ? 'pending' : 'not_there'",
        replace: "isPending(last, known) ? 'not_there' : 'not_there'",
      },
    ],
    tests: ['test/unit/undo.test.ts'],
  },
  {
    name: 'one-target-of-an-event',
    breaks: 'of an event that was applied to two members of the target only one is undone',
    edits: [
      {
        find: 'const key = JSON.stringify([idKey(groupTarget), idKey(target)]);',
        replace: 'const key = JSON.stringify([idKey(groupTarget)]);',
      },
    ],
    tests: ['test/unit/undo.test.ts'],
  },
  {
    name: 'cut-report-dropped',
    breaks: 'a report that was too large to name its member is passed over',
    edits: [
      {
        find: 'op !== null && member === null && name === null;',
        replace: 'op !== null && member === null && name === undefined;',
      },
    ],
    tests: ['test/contract/undo.test.ts'],
  },
  {
    name: 'old-reports-again',
    breaks: 'reports are read again from the beginning once a comparison reads on',
    edits: [
      { find: 'if (since === null) return yield*', replace: 'if (since === null || offsets.size > 0) return yield*' },
    ],
    tests: ['test/unit/topic-reading.test.ts'],
  },
  {
    name: 'former-counts-by-offset',
    breaks: 'a report of a source topic that was deleted counts as newer than an event of the present one',
    edits: [
      {
        find: 'if (isFormerPlace(a) !== isFormerPlace(b)) return isFormerPlace(a) ? -1 : 1;',
        replace: 'if (isFormerPlace(a) !== isFormerPlace(b)) return comparePositions(a, b);',
      },
    ],
    tests: ['test/contract/former-source.test.ts'],
  },
  {
    name: 'new-report-is-former',
    breaks: 'a report that is newer than the last look at the source is taken for one of a former topic',
    edits: [{ find: 'this.#reports.read(() => this.#look.expire())', replace: 'this.#reports.read()' }],
    tests: ['test/contract/drift-watch.test.ts'],
  },
  {
    name: 'former-is-foreign',
    breaks: 'who was added by a former source topic counts as foreign',
    edits: [
      {
        find: 'if (of === null) continue;',
        replace: "if (of !== 'present') continue;",
      },
    ],
    tests: ['test/contract/former-source.test.ts'],
  },
  {
    name: 'former-times-unseen',
    breaks: 'a report of a former topic is taken for one of the present topic, once that has as many records',
    edits: [
      {
        find: 'timestamp < oldest.timestamp && reportedAt < oldest.timestamp',
        replace: 'timestamp < -1 && reportedAt < oldest.timestamp',
      },
    ],
    tests: ['test/unit/former-source.test.ts'],
  },
  {
    name: 'former-repaired',
    breaks: 'what a former source topic had wanted is repaired, though that is not known to be wanted still',
    edits: [
      {
        find: 'return this.#wanted === null && standing !== null && isFormerPlace(standing.place);',
        replace: 'return this.#wanted === null && standing !== null && standing.place.offset < 0n;',
      },
    ],
    tests: ['test/contract/former-source.test.ts'],
  },
  {
    name: 'former-undone',
    breaks: 'an undo takes back what a former source topic has brought, whatever that topic has said since',
    edits: [{ find: "if (isFormerPlace(last.place)) return 'former_source';", replace: '' }],
    tests: ['test/contract/former-source.test.ts'],
  },
  {
    name: 'two-topics-one-operation',
    breaks: 'of two changes with one id, of a former and of the present source topic, an undo knows one',
    edits: [
      { find: 'isFormerPlace(place) ? `${id}\\n${place.timestamp}` : id', replace: 'isFormerPlace(place) ? id : id' },
    ],
    tests: ['test/unit/former-source.test.ts'],
  },
];
