/**
 * What a shadow (`SHADOW`, protocol.md 15) calls its consumer group and topics, beside those of the real service. It reads the same
 * source.
 */

export const shadowTopic = (topic: string): string => `${topic}.shadow`;

export const shadowGroup = (groupId: string): string => `${groupId}-shadow`;
