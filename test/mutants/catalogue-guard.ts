/** Mutants of full states and of the removal guard. */
import type { Mutant } from './mutant.ts';

export const guardMutants: readonly Mutant[] = [
  {
    name: 'guard-before-folding',
    breaks: 'the guard counts removals of members who are not there',
    edits: [
      {
        find: 'const guarded = untried.filter(isGuarded);',
        replace: 'const guarded = situation.due.filter(isGuarded);',
      },
    ],
    scenario: 'guard',
  },
  {
    name: 'guard-ignores-size',
    breaks: 'the guard does not look at the size of the group',
    edits: [
      {
        find: 'groupPercent < 100 && size >= groupFloor && count * 100 > groupPercent * size;',
        replace: 'groupPercent < 0 && size >= groupFloor && count > 0;',
      },
    ],
    scenario: 'guard',
  },
  {
    name: 'approval-of-another-set',
    breaks: 'an approval releases what is held now, although that has changed',
    edits: [
      {
        find: 'sets.find((set) => heldDigest(group.id, set, owners.sha256) === digest);',
        replace: 'sets[0];',
      },
    ],
    scenario: 'guard',
  },
  {
    name: 'part-approves-all',
    breaks: 'the approval of a part releases all that is held of its group',
    edits: [
      {
        find: "if (kind === 'approve') approve(owners, group, held, decision);",
        replace: "if (kind === 'approve') approve(owners, group, heldSets(group)[0] ?? held, decision);",
      },
    ],
    scenario: 'guard',
  },
  {
    name: 'part-refuses-all',
    breaks: 'the refusal of a part gives up all that is held of its group',
    edits: [
      {
        find: 'else for (const intent of held) reject(owners, group, intent, decision);',
        replace: 'else for (const intent of heldSets(group)[0] ?? held) reject(owners, group, intent, decision);',
      },
    ],
    scenario: 'guard',
  },
  {
    name: 'refused-part-releases-rest',
    breaks: 'the refusal of a part releases what is held beside it',
    edits: [
      {
        find: 'else for (const intent of held) reject(owners, group, intent, decision);',
        replace: `else {
    approve(owners, group, (heldSets(group)[0] ?? []).filter((each) => !held.includes(each)), decision);
    for (const intent of held) reject(owners, group, intent, decision);
  }`,
      },
    ],
    scenario: 'guard',
  },
  {
    name: 'part-of-what-is-left',
    breaks: 'a part is decided about although a member of it is not held any more',
    edits: [
      {
        find: 'sets.find((set) => heldDigest(group.id, set, owners.sha256) === digest);',
        replace:
          'sets.find((set) => (part === null ? heldDigest(group.id, set, owners.sha256) === digest : set.length > 0));',
      },
    ],
    scenario: 'guard',
  },
  {
    name: 'part-by-member',
    breaks: 'a part is decided about although its members are held at other positions',
    edits: [
      {
        find: 'pending !== null && isHeld(pending) && positionText(pending.source) === positionText(place) ? [pending] : [];',
        replace: 'pending !== null && isHeld(pending) ? [pending] : [];',
      },
      {
        find: 'sets.find((set) => heldDigest(group.id, set, owners.sha256) === digest);',
        replace:
          'sets.find((set) => part === null ? heldDigest(group.id, set, owners.sha256) === digest : set.length === part.named.length);',
      },
    ],
    tests: ['test/contract/rules/decided-parts.test.ts'],
  },
  {
    name: 'rest-without-digest',
    breaks: 'what is left of a set of which a part was decided is not known by its digest',
    edits: [{ find: '    if (digest !== null) partition.digests.note(group, digest);\n', replace: '' }],
    tests: ['test/contract/rules/decided-parts.test.ts'],
  },
  {
    name: 'part-decided-once',
    breaks: 'a decision about a part that is read again is answered as if nothing had been decided',
    edits: [
      {
        find: 'const count = decidedBefore(group.id, decidableIn(group), asked);',
        replace: 'const count = part === null ? decidedBefore(group.id, decidableIn(group), asked) : 0;',
      },
    ],
    tests: ['test/contract/rules/decided-again.test.ts'],
  },
  {
    name: 'refused-as-one',
    breaks:
      'what an operator has refused in several decisions counts as one set, so that none of them has its answer again',
    edits: [{ find: 'const by = intent.dead.refusal?.digest ?? null;', replace: 'const by = null;' }],
    tests: ['test/contract/rules/decided-again.test.ts'],
  },
  {
    name: 'part-accepts-unknown',
    breaks: 'the approval of a part accepts who is unknown, so that the rest of what is held for them goes by itself',
    edits: [
      {
        find: 'if (held.some(isHeldForUnknown) && isAllForUnknown(group, held))',
        replace: 'if (held.some(isHeldForUnknown))',
      },
    ],
    scenario: 'strangers',
  },
  {
    name: 'reserve-beside-approved',
    breaks: 'a full live record has no room for the approval of a part',
    edits: [
      {
        find: "return current.some(isHeld) && !current.some(({ guard }) => guard?.kind === 'approved');",
        replace: 'return current.some(isHeld);',
      },
    ],
    tests: ['test/contract/rules/decided-parts.test.ts'],
  },
  {
    name: 'reason-forgotten',
    breaks: 'a restart forgets why an operator has approved',
    edits: [{ find: '  reason: reason ?? null,\n});', replace: '  reason: null,\n});' }],
    scenario: 'guard',
  },
  {
    name: 'forgotten-hold',
    breaks: 'a restart forgets what is held',
    edits: [
      {
        find: 'if (held !== undefined) return heldOf(held);',
        replace: '',
      },
    ],
    scenario: 'guard',
  },
  {
    name: 'hold-reported-once',
    breaks: 'a restore does not report what is held: no report exists where the former owner could not send it',
    edits: [{ find: '    reportHeld(owners, group);\n', replace: '' }],
    scenario: 'unreported',
  },
  {
    name: 'decided-and-forgotten',
    breaks: 'a new owner does not know what an operator has decided: asked again, it answers that nothing is held',
    edits: [{ find: '    noteDecided(owners, group);\n', replace: '' }],
    tests: ['test/contract/rules/decided-again.test.ts'],
  },
  {
    name: 'decided-before-recorded',
    breaks: 'an operator is answered while a restore would still find a hold',
    edits: [
      {
        find: 'partition.toWrite.has(group) || holdsDecided(group)',
        replace: 'false',
      },
    ],
    scenario: 'guard',
  },
  {
    name: 'refused-and-replayed',
    breaks: 'a replay of what an operator has refused asks only the limits',
    edits: [
      {
        find: "if (guard?.kind === 'held') return { ...again, dead: null, guard: unnotified(guard) };",
        replace: '',
      },
    ],
    scenario: 'guard',
  },
  {
    name: 'sent-before-recorded',
    breaks: 'what a full state comes to is sent before it is recorded',
    edits: [
      {
        find: "target: canJoin ? target : null, waits: 'record' as const };",
        replace: 'target: canJoin ? target : null };',
      },
      {
        find: "withFields(intent, { namedBy: 'target', waits: 'record' })",
        replace: "withFields(intent, { namedBy: 'target' })",
      },
    ],
    scenario: 'states',
  },
  {
    name: 'newer-before-the-whole',
    breaks: 'a newer change is sent before the full state that it stands upon',
    edits: [
      {
        find: "  if (whole !== null && whole.waits !== 'record' && due.length > 0 && !keptBackIn(group)(whole)) due.push(whole);\n",
        replace: '',
      },
    ],
    scenario: 'states',
  },
  {
    name: 'dead-whole-stays',
    breaks: 'a full state that is dead stays beside newer changes',
    edits: [
      {
        find: "rival.op === 'state' && newer.op !== 'state' && rival.dead === null;",
        replace: "rival.op === 'state' && newer.op !== 'state';",
      },
    ],
    scenario: 'states',
  },
  {
    name: 'dead-whole-under-newer',
    breaks: 'a full state that is given up under newer changes can be replayed',
    edits: [
      {
        find: 'hasNewerDeltas(group, dead) ? null : dead',
        replace: 'dead',
      },
    ],
    scenario: 'states',
  },
  {
    name: 'whole-before-older',
    breaks: 'a full state is complete although the live record still holds something older',
    edits: [
      {
        find: 'if (name === WHOLE_GROUP) return hasOlder(members.recorded, position);',
        replace: 'if (name === WHOLE_GROUP) return isOlder(name);',
      },
    ],
    scenario: 'states',
  },
  {
    name: 'newer-before-older-whole',
    breaks: 'a change is complete although the live record still holds an older full state',
    edits: [
      {
        find: 'return isOlder(name) || isOlder(WHOLE_GROUP) || ',
        replace: 'return isOlder(name) || ',
      },
    ],
    scenario: 'states',
  },
  {
    name: 'newer-before-open-whole',
    breaks: 'a change is complete although the full state that it stands on is not',
    edits: [
      {
        find: 'if (isBefore(members.get(WHOLE_GROUP)?.firstUnfinished, position)) return true;',
        replace: '',
      },
    ],
    superfluous:
      'read again, the full state finds the change entered on top of it once more (precedence.ts); left is a second report of the same change, which this spares',
    scenario: 'wholes',
  },
  {
    name: 'expanded-in-doubt',
    breaks: 'a full state is worked out while a request may still land',
    edits: [
      {
        find: 'const mustWait = state !== undefined || due.every',
        replace: 'const mustWait = due.every',
      },
    ],
    scenario: 'wholes',
  },
  {
    name: 'newer-leaves-first',
    breaks: 'what stands on a full state leaves the live record before it',
    edits: [
      {
        find: 'recordedIntent(member, pending) ?? layeredOn(whole, member.recorded);',
        replace: 'recordedIntent(member, pending);',
      },
    ],
    tests: ['test/contract/rules/in-hand.test.ts'],
  },
  {
    name: 'overtaken-whole',
    breaks: 'a full state is done with before anything that it came to is recorded or reported',
    edits: [
      {
        find: 'isEntered && isTold && !isUnrecorded',
        replace: 'isEntered && !isUnrecorded',
      },
    ],
    scenario: 'wholes',
  },
  {
    name: 'removals-before-additions',
    breaks: 'the removals of a full state do not wait for its additions',
    edits: [{ find: "  if (undecided.length > 0) return 'wait';\n", replace: '' }],
    scenario: 'strangers',
  },
  {
    name: 'removals-with-additions',
    breaks: 'a full state adds and removes in one request',
    edits: [
      { find: "  if (undecided.length > 0) return 'wait';\n", replace: '' },
      {
        find: 'return hasAdditions ? sendable.filter((intent) => !isOfFullState(intent)) : sendable;',
        replace: 'return hasAdditions ? [...sendable] : sendable;',
      },
    ],
    scenario: 'strangers',
  },
  {
    name: 'accepted-with-additions',
    breaks: 'removals that need not wait for unknown members go with a further try to add them',
    edits: [
      {
        find: 'return hasAdditions ? sendable.filter((intent) => !isOfFullState(intent)) : sendable;',
        replace: 'return hasAdditions ? [...sendable] : sendable;',
      },
    ],
    scenario: 'strangers',
  },
  {
    name: 'removals-despite-refusal',
    breaks: 'a full state removes members although the target refuses whom it adds',
    edits: [
      {
        find: "return unresolved.every((name) => accepted.has(name)) ? 'go' : 'hold';",
        replace: "return unresolved.every((name) => accepted.has(name)) || undecided.length === 0 ? 'go' : 'hold';",
      },
    ],
    scenario: 'strangers',
  },
  {
    name: 'given-up-is-known',
    breaks: 'members who were given up do not count as unknown',
    edits: [
      {
        find: '(isUndecided(intent) ? undecided : unresolved).push(name);',
        replace: 'if (!intent?.dead) (isUndecided(intent) ? undecided : unresolved).push(name);',
      },
    ],
    scenario: 'strangers',
  },
  {
    name: 'newer-addition-not-awaited',
    breaks: 'the removals of a full state do not wait for a newer addition of whom it names',
    edits: [
      {
        find: '  unresolved.keepAwaited(group.id, member);\n',
        replace: '',
      },
    ],
    scenario: 'strangers',
  },
  {
    name: 'worked-out-again-without-removals',
    breaks: 'a full state that is worked out again after a restart forgets that removals of it wait',
    edits: [
      {
        find: 'if (hasRemovals || isAgain) this',
        replace: 'if (!hasRemovals) this.#removals.delete(group);\n    if (hasRemovals) this',
      },
    ],
    scenario: 'wholes',
  },
  {
    name: 'approval-forgets-unknown',
    breaks: 'an approval does not remember which members were unknown',
    edits: [
      {
        find: 'group.partition.unresolved.accept(group.id, [...undecided, ...unresolved]);',
        replace: 'group.partition.unresolved.accept(group.id, []);',
      },
    ],
    scenario: 'strangers',
  },
  {
    name: 'restart-forgets-accepted',
    breaks: 'a restart forgets which unknown members an operator has accepted',
    edits: [
      {
        find: 'if (accepted !== undefined && accepted.length > 0) this',
        replace: 'if (accepted !== undefined && accepted.length < 0) this',
      },
    ],
    scenario: 'strangers',
  },
  {
    name: 'digest-without-targets',
    breaks: 'the digest of what is held does not cover whom the id map names',
    edits: [
      {
        find: 'entries.set(id, isAsNamed ? id : [',
        replace: 'entries.set(id, isAsNamed || true ? id : [',
      },
    ],
    scenario: 'corrected',
  },
  {
    name: 'approved-for-another-user',
    breaks: 'an approval holds for the user that the id map names when the removal is sent',
    edits: [
      {
        find: 'guard?.target !== undefined && target !== null && !isSameId(guard.target, target);',
        replace: 'guard?.target !== undefined && target !== null && false;',
      },
    ],
    scenario: 'corrected',
  },
  {
    name: 'replays-before-approvals',
    breaks: 'an approval also counts for what a replay behind it has woken',
    edits: [
      {
        find: 'for (const { key, wanted, refusal, place } of due) {',
        replace:
          "for (const { key, wanted, refusal, place } of [...due].sort((a, b) => Number(b.wanted.kind === 'replay') - Number(a.wanted.kind === 'replay'))) {",
      },
    ],
    scenario: 'reconsidered',
  },
  {
    name: 'replay-approves',
    breaks: 'a replay of what was refused counts as its approval',
    edits: [
      {
        find: 'member.revive(again);',
        replace:
          "  member.revive(again.guard?.kind === 'held' ? { ...again, guard: { kind: 'approved', digest: 'x', author: 'x', at: 0 } } : again);",
      },
    ],
    scenario: 'reconsidered',
  },
  {
    name: 'held-for-ever',
    breaks: 'removals that were held for unknown members stay held although all are known',
    edits: [
      {
        find: '  releaseKnown(owners, group);\n',
        replace: '',
      },
    ],
    scenario: 'strangers',
  },
  {
    name: 'held-fills-the-memory',
    breaks: 'what is held counts against what may be pending, so intake stands still for an operator',
    edits: [
      {
        find: ' + pending - held;',
        replace: ' + pending;',
      },
    ],
    scenario: 'guard',
  },
  {
    name: 'window-forgotten',
    breaks: 'a restart forgets what was removed within the window',
    edits: [{ find: '  partition.removals.restore(clock.now());\n', replace: '' }],
    scenario: 'drip',
  },
  {
    name: 'window-for-all-groups-only',
    breaks: 'what was removed from a group within the window does not count for that group',
    edits: [
      {
        find: 'return groupVerdict(count + ofGroup, sizes, limits);',
        replace: 'return groupVerdict(count, sizes, limits);',
      },
    ],
    scenario: 'drip',
  },
  {
    name: 'committed-before-counted',
    breaks: 'a removal is committed before the next owner would count it',
    edits: [{ find: '!this.removals.isOwing && this.#isCommitDue', replace: 'this.#isCommitDue' }],
    scenario: 'drip',
  },
  {
    name: 'late-slice-stays',
    breaks: 'a late record of the window stays the last of its key, so that compaction keeps what it says',
    edits: [
      {
        find: '      partition.removals.rewrite(id, owners.clock.now());\n',
        replace: '',
      },
    ],
    scenario: 'drip',
  },
  {
    name: 'slice-not-written-again',
    breaks: 'a record of the window that could not be written is not written again',
    edits: [
      {
        find: '    partition.removals.giveBack(rendered.key);\n',
        replace: '',
      },
    ],
    scenario: 'drip',
  },
  {
    name: 'only-due-removals',
    breaks: 'removals of a group that wait for another try do not count, so that each of them looks small',
    edits: [
      {
        find: 'return pendingRemovals(group);',
        replace: 'return [];',
      },
    ],
    scenario: 'spread',
  },
  {
    name: 'reservation-counted-twice',
    breaks: 'a removal that has taken effect still counts as one that is about to be sent',
    edits: [
      {
        find: '{ ...reserved, count: reserved.count - 1 }',
        replace: 'reserved',
      },
    ],
    scenario: 'shared',
  },
  {
    name: 'reservation-kept',
    breaks: 'removals that a group was about to send count although it is not in flight any more',
    edits: [{ find: '    group.partition.removals.release(group.id);\n', replace: '' }],
    scenario: 'shared',
  },
  {
    name: 'signature-not-checked',
    breaks: 'a request is taken up although it is not signed with the key',
    edits: [
      {
        find: "  if (signature.kind !== 'good') return signature.kind;\n",
        replace: "  if (signature.kind !== 'good') return null;\n",
      },
    ],
    scenario: 'forged',
  },
  {
    name: 'request-never-expires',
    breaks: 'the age of a signed request is not looked at',
    edits: [
      {
        find: "return isExpired(signature.issuedAt, now) ? 'expired' : null;",
        replace: 'return null;',
      },
    ],
    scenario: 'forged',
  },
  {
    name: 'reservation-of-the-refused',
    breaks: 'removals that the target has refused count for other groups until the run of their own ends',
    edits: [
      {
        find: 'this.#isFresh = false;\n    this.#reservedUnseen = null;',
        replace: 'this.#isFresh = false;',
      },
    ],
    tests: ['test/contract/rules/guard-reservations.test.ts'],
  },
  {
    name: 'reservation-of-the-first-size',
    breaks: 'all removals of a run count with the size that the group had before the first one',
    edits: [
      {
        find: '} else window.resize(group.id, snapshot.members.size + run.reservedUnseen);',
        replace: '  }',
      },
    ],
    tests: ['test/contract/rules/guard-reservations.test.ts'],
  },
  {
    name: 'accepted-counted-twice',
    breaks: 'a removal that is accepted and not shown yet counts as removed and as pending',
    edits: [
      {
        find: 'pending !== null && isTried(group, pending) ? [pending] : []',
        replace: 'pending !== null ? [pending] : []',
      },
    ],
    tests: ['test/contract/rules/guard-reservations.test.ts'],
  },
];
