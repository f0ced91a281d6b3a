/** Mutants of what stands around the pipeline: the queue before Kafka, the table of ids, secrets, and texts that cannot be read. */
import type { Mutant } from './mutant.ts';

const queue = ['test/unit/send-queue.test.ts'];
const secrets = ['test/contract/live-config.test.ts'];
const relay = ['test/unit/kafka-relay-consumer.test.ts'];

export const edgeMutants: readonly Mutant[] = [
  {
    name: 'room-after-the-answer',
    breaks: 'an offer has its end before its room is free, so that what takes its place is turned away',
    edits: [
      {
        find: '    this.#free(offer);\n    offer.resolve(offer.records.map((_, index) => offer.outcomes.get(index) ?? missing));',
        replace:
          '    offer.resolve(offer.records.map((_, index) => offer.outcomes.get(index) ?? missing));\n    queueMicrotask(() => this.#free(offer));',
      },
      {
        find: '    this.#free(offer);\n    offer.reject(error);',
        replace: '    offer.reject(error);\n    queueMicrotask(() => this.#free(offer));',
      },
    ],
    tests: queue,
  },
  {
    name: 'former-secret-shown',
    breaks: 'a secret that was replaced is not redacted any more',
    edits: [
      {
        find: 'if (this.#given.delete(secret)) this.learn(secret);',
        replace: 'this.#given.delete(secret);',
      },
    ],
    tests: secrets,
  },
  {
    name: 'secret-learned-like-a-token',
    breaks: 'a secret that was read again is redacted only until many tokens have come',
    edits: [
      {
        find: '      this.#context.secrets.know(config.secrets);',
        replace: '      for (const secret of config.secrets) this.#context.secrets.learn(secret);',
      },
    ],
    tests: secrets,
  },
  {
    name: 'endless-line',
    breaks: 'a line without an end is collected for as long as it comes',
    edits: [
      {
        find: '    if (this.#open.length > LINE_LENGTH_MAX) this.#fail(this.#line + 1, `the line is longer than ${LINE_LENGTH_MAX}`);\n',
        replace: '',
      },
    ],
    tests: ['test/unit/id-table-file.test.ts'],
  },
  {
    name: 'endless-text',
    breaks: 'a text of tens of millions of characters is compared with patterns',
    edits: [{ find: '  line.length <= LINE_LENGTH_MAX &&\n', replace: '' }],
    tests: ['test/unit/formats-hostile.test.ts'],
  },
  {
    name: 'damaged-batch-passes-over',
    breaks: 'a damaged batch that claims to end later makes the next one be passed over',
    edits: [
      {
        find: '  return offset < end ? message : { ...message, offset: String(end - 1n) };',
        replace: '  return offset < end ? message : { ...message, offset: String(end) };',
      },
    ],
    tests: ['test/unit/kafka-fetch-answer.test.ts'],
  },
  {
    name: 'host-not-named',
    breaks: 'the TLS handshake does not name the host',
    edits: [
      {
        find: 'connectTls({ host, port, ...name, ...ssl }, onConnect)',
        replace: 'connectTls({ host, port, ...ssl }, onConnect)',
      },
    ],
    tests: ['test/contract/kafka-tls.test.ts'],
  },
  {
    name: 'cut-before-redacted',
    breaks: 'a header of an answer is cut before secrets are looked for in it',
    edits: [
      {
        find: "redacted(response.header('inin-correlation-id'), redact)?.slice(0, correlationIdMaxLength) || null",
        replace:
          "redacted(response.header('inin-correlation-id')?.slice(0, correlationIdMaxLength) ?? null, redact) || null",
      },
    ],
    tests: ['test/unit/genesys-response.test.ts'],
  },
  {
    name: 'pause-outlives-the-rebalance',
    breaks: 'a partition that the relay had paused before a rebalance is never read again',
    edits: [
      {
        find: '    this.#paused.clear();\n',
        replace: '',
      },
    ],
    tests: relay,
  },
  {
    name: 'start-sought-after-the-end',
    breaks: 'a consumer that was given up goes on asking where to begin, while a partition has no leader',
    edits: [
      {
        find: 'this.session.isOpen && assignment === this.#assignments;',
        replace: 'assignment === this.#assignments;',
      },
    ],
    tests: relay,
  },
  {
    name: 'refusal-outlives-the-token',
    breaks: 'once the login host has refused, the token after the next one is not asked for',
    edits: [
      {
        find: '    this.#token = token;\n    this.#failure = null;\n',
        replace: '    this.#token = token;\n',
      },
    ],
    tests: ['test/contract/genesys-token.test.ts'],
  },
  {
    name: 'first-page-taken-for-all',
    breaks: 'inactive users behind the first page are taken for missing, and stay members',
    edits: [
      {
        find: "if (way === 'paged' || (way === 'one' && isWhole)) return null;",
        replace: "if (way === 'paged' || way === 'one') return null;",
      },
    ],
    tests: ['test/contract/id-map-scim.test.ts'],
  },
];
