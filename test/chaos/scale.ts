/** How much of everything: `full` is what a release is measured with, `short` what fits into a test. */
export const kafkas = ['4.2.0', '3.9.1', 'cluster'] as const;
export type Kafka = (typeof kafkas)[number];

export const scales = ['short', 'middle', 'full'] as const;
export type Scale = (typeof scales)[number];

export const steps = [
  'kill',
  'rebalanceStorm',
  'freeze',
  'brokerStop',
  'brokerKill',
  'targetDown',
  'replay',
  'leaderElection',
  'retryRefused',
] as const;
export type Step = (typeof steps)[number];

export interface Size {
  readonly events: number;
  readonly groups: number;
  readonly instances: number;
  /** How often each step is taken; in random order. */
  readonly counts: Readonly<Record<Step, number>>;
  readonly targetDownMs: number;
  /** A run ends after so long, whatever is left. */
  readonly limitMs: number;
}

const MINUTE_MS = 60_000;

export function sizeOf(scale: Scale, kafka: Kafka): Size {
  const isCluster = kafka === 'cluster';
  switch (scale) {
    case 'short': {
      const counts = { ...none, kill: 3, freeze: 1, brokerKill: 1, targetDown: 1, replay: 1 };
      const own = isCluster ? { leaderElection: 1, retryRefused: 1 } : {};
      const size = { events: 3_000, groups: 40, instances: 2, targetDownMs: 5_000, limitMs: 3 * MINUTE_MS };
      return { ...size, counts: { ...counts, ...own } };
    }
    case 'middle': {
      const own = isCluster ? { leaderElection: 4, retryRefused: 2 } : {};
      const counts = { kill: 12, rebalanceStorm: 3, freeze: 2, brokerStop: 3, brokerKill: 3, targetDown: 1, replay: 3 };
      const size = { events: 20_000, groups: 150, instances: 3, targetDownMs: 15_000, limitMs: 15 * MINUTE_MS };
      return { ...size, counts: { ...none, ...counts, ...own } };
    }
    case 'full': {
      const own = isCluster ? { leaderElection: 10, retryRefused: 4 } : {};
      const counts = {
        kill: 50,
        rebalanceStorm: 10,
        freeze: 4,
        brokerStop: 10,
        brokerKill: 10,
        targetDown: 1,
        replay: 8,
      };
      const size = { events: 100_000, groups: 300, instances: 3, targetDownMs: 30_000, limitMs: 22 * MINUTE_MS };
      return { ...size, counts: { ...none, ...counts, ...own } };
    }
  }
}

const none: Readonly<Record<Step, number>> = {
  kill: 0,
  rebalanceStorm: 0,
  freeze: 0,
  brokerStop: 0,
  brokerKill: 0,
  targetDown: 0,
  replay: 0,
  leaderElection: 0,
  retryRefused: 0,
};
