import { describe, expect, test } from 'vitest';
import { formatNames, sourceFormat, sourceTopicFormat } from '../../src/formats/registry.ts';
import { readMapping } from '../../src/formats/mapping/file.ts';
import { aRecord, defaultOptions, invalidWith } from '../support/source-records.ts';

const mapping = readMapping({ version: 1, group: '$.g', members: '$.m', operation: { always: 'add' } });
const options = { ...defaultOptions, mapping: mapping.ok ? mapping.mapping : null };
const state = { group_id: 'g', members: ['u'], complete: true };
const headers = { 'rollcall-format': 'native' };
const topic = { partitionCount: 3 };

describe('a native record with the header rollcall-format', () => {
  test.each(formatNames)('is read beside records of %s, with any key', (name) => {
    const read = sourceTopicFormat(name, options).decode(aRecord(state, { key: { group_id: 'x' }, headers }), topic);
    expect(read).toMatchObject([{ kind: 'state', group: 'g', members: ['u'] }]);
  });

  test('does not get around the signatures of another format', () => {
    const verifier = { ...defaultOptions.verifier, hasKeys: true };
    const read = sourceTopicFormat('scim-events', { ...options, verifier }).decode(aRecord(state, { headers }), topic);
    expect(read).toMatchObject([invalidWith('token_unsigned')]);
  });

  test('counts in the source topic alone', () => {
    expect(sourceFormat('keycloak', options).decode(aRecord(state, { headers }), topic)[0].kind).toBe('invalid');
  });

  test('of another value is read by the format of the topic', () => {
    const other = { 'rollcall-format': 'okta' };
    expect(sourceTopicFormat('keycloak', options).decode(aRecord(state, { headers: other }), topic)[0].kind).toBe(
      'invalid',
    );
  });
});
