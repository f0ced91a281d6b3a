/** What is remembered of unknown members: bounded, recorded, and gone when nothing needs it. */
import { describe, expect, test } from 'vitest';
import type { Held, Intent } from '../../src/core/change/change.ts';
import { UnresolvedMembers } from '../../src/pipeline/state/unresolved-members.ts';
import { anIntent } from '../support/an-intent.ts';

const source = { topic: 't', partition: 0, offset: 7n, index: null };
const some = (count: number): string[] => Array.from({ length: count }, (_, i) => `m${i}`);
const held: Held = { kind: 'held', by: 'unresolved_members', since: 1 };
const removal = (guard: Held | null = null): Intent =>
  anIntent({ member: 'r', op: 'remove', namedBy: 'target', guard });
const expanded = (unresolved: UnresolvedMembers, added: readonly string[], awaited: readonly string[] = []): boolean =>
  unresolved.expanded('g', source, { added, awaited, hasRemovals: true });

describe('what an operator has accepted', () => {
  test('is the newest 1,000 names of a group', () => {
    const unresolved = new UnresolvedMembers();
    unresolved.accept('g', ['first', ...some(999)]);
    unresolved.accept('g', ['last']);
    expect(unresolved.acceptedOf('g').size).toBe(1_000);
    expect(['first', 'm0', 'last'].map((name) => unresolved.acceptedOf('g').has(name))).toEqual([false, true, true]);
  });

  test('stays while the newest full state names it, and it is not in the group', () => {
    const unresolved = new UnresolvedMembers();
    unresolved.accept('g', ['a', 'b', 'c']);
    expanded(unresolved, ['a', 'x'], ['b']);
    expect([...unresolved.acceptedOf('g')]).toEqual(['a', 'b']);
    expect(unresolved.noteAdded('g', 'a')).toBe(true);
    expect(unresolved.noteAdded('g', 'a')).toBe(false);
    expect(unresolved.recordOf('g', [])).toEqual({ accepted: ['b'] });
    expanded(unresolved, []);
    unresolved.endRemovals('g');
    expect([unresolved.recordOf('g', []), unresolved.size]).toEqual([{}, 0]);
  });

  test('of two spellings of the group is one list', () => {
    const unresolved = new UnresolvedMembers();
    unresolved.accept('G', ['a']);
    unresolved.accept('g', ['b']);
    unresolved.takeOver('g', 'G');
    expect([...unresolved.groups]).toEqual(['g']);
    expect([...unresolved.acceptedOf('g')]).toEqual(['b', 'a']);
  });

  test('is restored from the live record of the group', () => {
    const unresolved = new UnresolvedMembers();
    unresolved.restore('g', { accepted: ['a'] }, []);
    expect([...unresolved.groups]).toEqual(['g']);
    unresolved.restore('g', {}, []);
    expect([...unresolved.groups]).toEqual([]);
  });
});

describe('whom removals wait for', () => {
  test('is said in the live record where the additions in it do not say so themselves', () => {
    const unresolved = new UnresolvedMembers();
    expanded(unresolved, ['a']);
    expect(unresolved.recordOf('g', [removal()])).toEqual({});
    expect(unresolved.recordOf('g', [removal(held)])).toEqual({ awaited: [] });
    unresolved.keepAwaited('g', 'a');
    expect(unresolved.recordOf('g', [removal()])).toEqual({ awaited: ['a'] });
    expect(unresolved.recordOf('g', [])).toEqual({});
  });

  test('of two spellings of the group is what the newer full state says', () => {
    const unresolved = new UnresolvedMembers();
    const at = (offset: bigint) => ({ ...source, offset });
    for (const [offset, expected] of [
      [6n, 'own'],
      [8n, 'other'],
    ] as const) {
      unresolved.noteRemovals('G', at(offset), ['other']);
      unresolved.noteRemovals('g', source, ['own']);
      unresolved.takeOver('g', 'G');
      expect([...(unresolved.removalsOf('g')?.awaited ?? [])]).toEqual([expected]);
      expect(unresolved.removalsOf('G')).toBeNull();
      unresolved.endRemovals('g');
    }
  });

  test('is bounded: beyond 1,000 names the list is left out, and what is held waits for an operator', () => {
    const unresolved = new UnresolvedMembers();
    expanded(unresolved, [], some(1_001));
    expect(unresolved.removalsOf('g')?.isComplete).toBe(false);
    expect(unresolved.recordOf('g', [removal(held)])).toEqual({});
    const next = new UnresolvedMembers();
    next.restore('g', {}, [removal(held)]);
    expect(next.removalsOf('g')?.isComplete).toBe(false);
  });

  test('gives way where the live record has no room, once', () => {
    const unresolved = new UnresolvedMembers();
    unresolved.accept('g', ['a']);
    expanded(unresolved, ['a'], ['b']);
    expect([unresolved.dropNames('g'), unresolved.dropNames('g')]).toEqual([true, false]);
    expect(unresolved.recordOf('g', [removal(held)])).toEqual({});
    expect([...(unresolved.removalsOf('g')?.awaited ?? [])]).toEqual(['b']);
  });
});
