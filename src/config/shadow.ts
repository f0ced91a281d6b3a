/**
 * The names of a shadow (`SHADOW`): it has a consumer group and topics of its own beside those of the real service, and reads the same
 * source. Every command takes them from here.
 */

export const shadowTopic = (topic: string): string => `${topic}.shadow`;

const shadowGroup = (groupId: string): string => `${groupId}-shadow`;

interface Named {
  readonly kafka?: { readonly groupId: string };
  readonly topics?: { readonly retry: string; readonly deadLetter: string; readonly report: string };
}

/** With the names of its shadow. @param made parts of the configuration; those without names stay as they are. */
export function inShadow<C extends Named>(made: C): C {
  const { kafka, topics } = made;
  return {
    ...made,
    ...(kafka && { kafka: { ...kafka, groupId: shadowGroup(kafka.groupId) } }),
    ...(topics && {
      topics: {
        ...topics,
        retry: shadowTopic(topics.retry),
        deadLetter: shadowTopic(topics.deadLetter),
        report: shadowTopic(topics.report),
      },
    }),
  };
}
