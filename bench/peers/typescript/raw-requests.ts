/** The limit of requests: one PATCH that adds a member to each of GROUPS new groups, `group-1` and so on, then the end. */
import { HttpClient } from './http.ts';
import { patchBody, pathOf } from './groups.ts';
import { required, targetSettings } from './settings.ts';

const target = targetSettings();
const http = new HttpClient(target);
const groupCount = Number(required('GROUPS'));
const body = patchBody([['member-1', true]]);
// The ETag of a group that was never changed.
const headers = { 'content-type': 'application/scim+json', 'if-match': '"1"' };
let nextGroup = 1;

await Promise.all(Array.from({ length: target.concurrency }, patchGroups));
await http.close();

async function patchGroups(): Promise<void> {
  while (nextGroup <= groupCount) {
    const group = `group-${nextGroup}`;
    nextGroup += 1;
    const { status } = await http.send({ method: 'PATCH', path: pathOf(group), headers, body });
    if (status !== 200) throw new Error(`PATCH of ${group}: ${status}`);
  }
}
