/** Mutants of `rollcall explain`. */
import type { Mutant } from './mutant.ts';

export const explainMutants: readonly Mutant[] = [
  {
    name: 'oldest-event-decides',
    breaks: 'the oldest event about a member is taken for the one that counts',
    edits: [
      {
        find: 'links.toSorted((a, b) => compareLinks(b, a))',
        replace: 'links.toSorted((a, b) => compareLinks(a, b))',
      },
    ],
  },
  {
    name: 'any-end-taken-for-done',
    breaks: 'a change that was given up is explained as done',
    edits: [
      {
        find: "final && isSuccess(report) && report.outcome !== 'superseded';",
        replace: "final && report.outcome !== 'superseded';",
      },
    ],
  },
  {
    name: 'others-not-told-apart',
    breaks: 'what others have changed is explained as done by Rollcall',
    edits: [
      {
        find: "if (!isOpposite) return 'done';",
        replace: "if (!isOpposite || newest !== undefined) return 'done';",
      },
    ],
  },
  {
    name: 'former-owner-believed',
    breaks: 'an instance that has lost a partition says what is pending of it',
    edits: [
      {
        find: 'owned.epoch > known.epoch',
        replace: 'owned.epoch < known.epoch',
      },
    ],
    tests: ['test/unit/explain.test.ts'],
  },
  {
    name: 'state-half-done',
    breaks: 'a full state of which a part is reported is explained as done for everybody',
    edits: [
      {
        find: 'return changesOthers && isOver && !reports',
        replace: 'return changesOthers && !reports',
      },
    ],
    tests: ['test/unit/explain.test.ts'],
  },
  {
    name: 'pause-unexplained',
    breaks: 'a change that is paused is explained as one that waits for another try, where no instance answers',
    edits: [
      {
        find: 'const pause = paused === undefined ? null : together(paused);',
        replace: 'const pause = null;',
      },
    ],
    tests: ['test/contract/explain.test.ts'],
  },
  {
    name: 'others-accused',
    breaks:
      'what a change found is explained as done by others, where a former owner, or a superseded change, may have sent it',
    edits: [
      {
        find: "return mayBeOthers && isOfOneOwner(newest, link) ? 'others' : 'unknown';",
        replace: "return 'others';",
      },
    ],
    tests: ['test/unit/explain.test.ts'],
  },
  {
    name: 'own-work-unnamed',
    breaks: 'what an older change of Rollcall has done is not explained as its own',
    edits: [{ find: 'if (!wasFound(link)) return link;', replace: '' }],
    tests: ['test/contract/explain-answers.test.ts'],
  },
  {
    name: 'pause-taken-for-place',
    breaks:
      'explain and report take the report of a pause for a sign that the reports of its group lie in that partition',
    edits: [{ find: 'if (isAboutPause(found.record)) return;', replace: '' }],
    tests: ['test/contract/report.test.ts'],
  },
  {
    name: 'two-meanings-mixed',
    breaks: 'changes of two members are explained as those of one, where one id is a name of both',
    edits: [{ find: 'if (target !== null && this.#isFree(target))', replace: 'if (target !== null)' }],
    tests: ['test/contract/explain-answers.test.ts'],
  },
  {
    name: 'memory-of-other-group',
    breaks:
      'what an instance has of another group, which Genesys Cloud calls as the source calls this one, is explained as of this one',
    edits: [
      {
        find: 'group === undefined || !isOther(group)),',
        replace: 'group === undefined || group.length > 0),',
      },
    ],
    tests: ['test/contract/explain-other-group.test.ts'],
  },
  {
    name: 'reports-of-other-group',
    breaks:
      'what was reported of another group, which Genesys Cloud calls as the source calls this one, is explained as of this one',
    edits: [{ find: 'if (source !== null && isOther(source)) return;', replace: '' }],
    tests: ['test/contract/explain-other-group.test.ts'],
  },
  {
    name: 'own-request-unsuspected',
    breaks: 'others are accused of what a request of Rollcall without an answer may have done to the group',
    edits: [{ find: 'return patchId === null || isRefused ? null', replace: 'return at > 0 ? null' }],
    tests: ['test/contract/explain-own-request.test.ts'],
  },
  {
    name: 'fenced-request-suspected',
    breaks: 'a request that a newer version fences is said to have changed the group after that',
    edits: [{ find: 'if (isOlderVersion(etagBefore, version)) return true;', replace: '' }],
    tests: ['test/unit/explain-versions.test.ts'],
  },
  {
    name: 'index-without-lost-answers',
    breaks: 'by an index, a request without an answer that was for other members is not known',
    edits: [
      {
        find: '(versionSaid(report)?.kind ?? null)',
        replace: "(versionSaid(report)?.kind === 'known' ? 'known' : null)",
      },
    ],
    tests: ['test/contract/explain-own-request.test.ts'],
  },
  {
    name: 'second-pause-unsaid',
    breaks: 'of a group that is paused by its name, and with all others, the pause of all is named alone',
    edits: [{ find: 'return pauses ?? pauseText(paused);', replace: 'return pauseText(paused);' }],
    tests: ['test/contract/explain-answers.test.ts'],
  },
  {
    name: 'own-id-not-tried',
    breaks: 'explain finds no group by an id of Genesys Cloud that no report names, where ids are looked up',
    edits: [{ find: 'this.#isAtTarget = true;', replace: 'return;' }],
    tests: ['test/contract/explain-target-names.test.ts'],
  },
  {
    name: 'listed-member-denied',
    breaks: 'explain does not know a member by the id of Genesys Cloud that the list of the group holds',
    edits: [{ find: "return isKnown ? 'too' : 'alone';", replace: "return 'too';" }],
    tests: ['test/contract/explain-target-names.test.ts'],
  },
  {
    name: 'gone-before-doubted',
    breaks: 'explain doubts the newest change for records that are gone before it',
    edits: [{ find: 'partition !== position.partition || start > next', replace: 'start > 0n' }],
    tests: ['test/contract/explain-answers.test.ts'],
  },
  {
    name: 'obstacle-of-any-partition',
    breaks: 'what keeps the changes of another partition is said to keep the one that explain is asked about',
    edits: [{ find: 'const { partition } = newest.position;', replace: 'const partition = 1;' }],
    tests: ['test/contract/explain-group.test.ts'],
  },
  {
    name: 'unread-group-as-asked',
    breaks: 'explain says of a group that could not be read that all is as asked',
    edits: [{ find: 'return this.#isByReports || memberCount === null ?', replace: 'return memberCount === -1 ?' }],
    tests: ['test/contract/explain-group.test.ts'],
  },
  {
    name: 'unread-taken-for-missing',
    breaks: 'explain ends as if the group did not exist where Genesys Cloud could not be read',
    edits: [
      {
        find: 'outcome === null ? EXIT.someFailed : targetExitCode(outcome);',
        replace: 'EXIT.someFailed;',
      },
    ],
    tests: ['test/contract/explain-unread.test.ts'],
  },
  {
    name: 'look-up-taken-for-none',
    breaks: 'explain says that there is no such group, or member, where its look-up had no answer',
    edits: [
      {
        find: 'return { why: `the look-up failed (${why})`, outcome: outcome.kind };',
        replace: 'return { why: `the look-up failed (${why})`, outcome: null };',
      },
    ],
    tests: ['test/contract/explain-unread.test.ts'],
  },
  {
    name: 'pause-of-any-partition',
    breaks: 'explain says that a full state waits for a resume where another partition is paused',
    edits: [
      {
        find: 'state: state === null ? null : changesIn([state]),',
        replace: 'state: state === null ? null : { ...changesIn([state]), pause: [...pauses.values()][0] ?? null },',
      },
    ],
    tests: ['test/contract/explain-group.test.ts'],
  },
  {
    name: 'unread-event-hidden',
    breaks: 'a change in one partition hides from explain an event in another that could not be read',
    edits: [{ find: 'each.partition !== link.position.partition ||', replace: '' }],
    tests: ['test/unit/explain.test.ts'],
  },
  {
    name: 'state-newer-by-offset',
    breaks: 'of full states in two partitions the one with the higher offset decides in explain of all members',
    edits: [
      {
        find: 'compareLinks(draft, this.#newestState) >= 0;',
        replace: 'comparePositions(draft.position, this.#newestState.position) >= 0;',
      },
    ],
    tests: ['test/unit/explain.test.ts'],
  },
  {
    name: 'group-known-by-members',
    breaks: 'explain finds no group whose events and reports name no member',
    edits: [{ find: 'const isFound = evidence.isNamed || isRead;', replace: 'const isFound = count > 0 || isRead;' }],
    tests: ['test/contract/explain-group.test.ts'],
  },
  {
    name: 'early-pause-unsaid',
    breaks: 'explain does not say that a group is paused of which nothing is known yet',
    edits: [{ find: 'concerned.size === 0 || concerned.has(', replace: 'concerned.has(' }],
    tests: ['test/contract/explain-group.test.ts'],
  },
  {
    name: 'index-without-versions',
    breaks: 'by an index, an old answer of the target is believed: which version the group has had since is not known',
    edits: [
      {
        find: 'if (version !== null) this.#write.version.run(groupId, groupTarget, version, time, record);',
        replace: '',
      },
    ],
    tests: ['test/contract/record-index.test.ts'],
  },
  {
    name: 'index-of-another-topic',
    breaks: 'a topic that was made again goes on in the index of the old one',
    edits: [{ find: 'if (id !== null) checkMeta(', replace: 'if (id === null) checkMeta(' }],
    tests: ['test/contract/record-index.test.ts'],
  },
  {
    name: 'index-hides-what-is-gone',
    breaks: 'an index does not say what retention has taken before it was read',
    edits: [
      {
        find: 'next < start ? { first: start, next: start } : { first, next });',
        replace: 'next < start ? { first, next: start } : { first, next });',
      },
    ],
    tests: ['test/contract/record-index.test.ts'],
  },
  {
    name: 'index-twice',
    breaks: 'what two processes read is in the index twice',
    edits: [
      {
        find: 'if (entry.record.offset >= nextOf(entry.record.partition)) this.#addEntry(',
        replace: 'if (entry.record.offset >= 0n) this.#addEntry(',
      },
    ],
    tests: ['test/contract/record-index.test.ts'],
  },
  {
    name: 'index-by-one-name',
    breaks: 'by an index, reports of a member are not found by the id of Genesys Cloud',
    edits: [{ find: 'if (otherMember !== null && otherMember !== member)', replace: 'if (otherMember === null)' }],
    tests: ['test/contract/record-index.test.ts'],
  },
  {
    name: 'index-without-the-map',
    breaks: 'by an index, names that the id map alone has for a member are not looked for',
    edits: [{ find: 'return [...new Set([...named, ...others])];', replace: 'return [...new Set(named)];' }],
    tests: ['test/contract/record-index.test.ts'],
  },
  {
    name: 'index-for-good',
    breaks: 'what could not be read when it came into the index is never read again',
    edits: [{ find: "if (known?.['value'] === reader) return [];", replace: 'return [];' }],
    tests: ['test/contract/record-index.test.ts'],
  },
  {
    name: 'lost-partition-asked',
    breaks: 'explain asks Kafka of a partition that a report names and the source does not have',
    edits: [{ find: '[...known].filter((partition) => partition < partitionCount)', replace: '[...known]' }],
    tests: ['test/contract/explain-answers.test.ts'],
  },
  {
    name: 'lost-partition-hides-pause',
    breaks:
      'explain does not say that a group is paused of which a report names a partition that the source does not have',
    edits: [
      { find: 'new Set(events.partitions.filter((partition) => partitions.has(partition)))', replace: 'partitions' },
    ],
    tests: ['test/contract/explain-answers.test.ts'],
  },
  {
    name: 'former-report-explains',
    breaks: 'explain takes a report of a source topic that was deleted for one of the event that lies at its place now',
    edits: [{ find: "if (isOf(record) === 'former') unsure.push(record);\n    else ", replace: '' }],
    tests: ['test/contract/explain-former-source.test.ts'],
  },
  {
    name: 'young-report-left-out',
    breaks: 'explain leaves out a report of an event that was written after the ends of the source were asked for',
    edits: [{ find: '  look.expire();\n  const isOf', replace: '  const isOf' }],
    tests: ['test/contract/explain-former-source.test.ts'],
  },
];
