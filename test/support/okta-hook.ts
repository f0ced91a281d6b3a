/** The body of an Okta event hook that tells of one membership (developer.okta.com/docs/concepts/event-hooks). */
export interface HookChange {
  readonly group: string;
  readonly member: string;
  readonly op: 'add' | 'remove';
  /** `uuid` of the event. */
  readonly id: string;
}

export function oktaHook({ group, member, op, id }: HookChange): string {
  const event = {
    uuid: id,
    published: '2026-01-31T12:00:00.000Z',
    eventType: `group.user_membership.${op}`,
    outcome: { result: 'SUCCESS' },
    target: [
      { id: member, type: 'User' },
      { id: group, type: 'UserGroup' },
    ],
  };
  const source = 'https://example.okta.com/api/v1/eventHooks/who1';
  return JSON.stringify({ eventType: 'com.okta.event_hook', source, eventId: id, data: { events: [event] } });
}
