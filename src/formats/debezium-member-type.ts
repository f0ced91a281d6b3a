/**
 * Columns that say what the member of the row is, not who has added it (`created_by_user_type`). Groups, devices and services are no
 * members of a Genesys group.
 */
const OF_MEMBER =
  /(?:^|_)(?<!by_)(?:member|principal|user|subject|grantee|assignee|trustee|child)_?(?:type|kind|class)$/;
/** Crowd: `GROUP_USER`, `GROUP_GROUP`. Keycloak's `MANAGED` says nothing of it. */
const OF_MEMBERSHIP = /(?:^|_)membership_?(?:type|kind)$/;

const OTHERS: ReadonlySet<string> = new Set(
  (
    'group groups subgroup nestedgroup usergroup securitygroup distributiongroup team role organization organisation orgunit ' +
    'department device computer machine service serviceaccount serviceprincipal serviceuser application app robot'
  ).split(' '),
);

/** `App\Models\Group`, `Group::Nested`: the last name of a class counts. */
const isOther = (type: string): boolean => OTHERS.has(lastWord(type));
const isNested = (type: string): boolean => /^(?:group_?(?:to_?)?group|nested_?group|sub_?group)$/i.test(type.trim());

const LENGTH_MAX = 256;

const lastWord = (type: string): string =>
  type.length > LENGTH_MAX
    ? ''
    : (
        type
          .trim()
          .split(/[\\.:/]+/)
          .at(-1) ?? ''
      )
        .replaceAll(/[^A-Za-z0-9]+/g, '')
        .toLowerCase();

/** Of the words of a column's name: whether its value says that the member is no user. null: it never does. */
export function memberTypeIn(words: string): ((value: unknown) => boolean) | null {
  const isNoUser = OF_MEMBER.test(words) ? isOther : OF_MEMBERSHIP.test(words) ? isNested : null;
  return isNoUser && ((value) => typeof value === 'string' && isNoUser(value));
}

/** `subject_type` beside `subject_id`: it says what the column of that id names. */
export const isTypeBeside = (column: string, idColumn: string): boolean => {
  const type = /^(.+?)_?(?:type|kind|class)$/i.exec(column)?.[1];
  return type !== undefined && type.toLowerCase() === /^(.+?)_?id$/i.exec(idColumn)?.[1]?.toLowerCase();
};
