import { randomUUID } from 'node:crypto';
import { callAdmin, PERMIT_ALL, type TestZone } from '../../test/setup/zone.js';
import { pieces, type Growth } from './growth.js';

/** Policies of one text: its size is bounded. */
const OF_ONE_TEXT = 100;

/** One that permits what is asked; the others are about other applications and resources. */
export const policies: Growth = {
  name: 'policies',
  sizes: [1, 100, 10_000],
  kind: 'exchange',
  grow: async (zone, _from, to) => {
    const ids = [await write(zone, PERMIT_ALL)];
    for (const [first, next] of pieces(1, to, OF_ONE_TEXT)) {
      const numbers = Array.from({ length: next - first }, (_, n) => first + n);
      ids.push(await write(zone, numbers.map(aboutOthers).join('\n')));
    }
    const set = await admin(zone, 'POST', '/policy-sets', { name: `set ${randomUUID()}` });
    const version = await admin(zone, 'POST', `/policy-sets/${String(set['id'])}/versions`, {
      policy_version_ids: ids,
    });
    await admin(zone, 'PUT', '/policy', { policy_set_version_id: version['id'] });
    return null;
  },
};

const aboutOthers = (n: number): string => `@id("p${n}")
permit (principal == Application::"app-${n % 500}", action == Action::"TokenExchange", resource == Resource::"resource://${n}")
when { context.requested_scopes.contains("a:read") };`;

async function write(zone: TestZone, content: string): Promise<string> {
  const body = { name: `policy ${randomUUID()}`, content };
  const { version } = await admin(zone, 'POST', '/policies', body);
  return (version as { id: string }).id;
}

/** Asks the process of now: the zone's own `admin` asks the one that it was made at. */
async function admin({ replica, zoneId }: TestZone, method: string, path: string, body: object) {
  const answer = await callAdmin(replica, method, `/zones/${zoneId}${path}`, body);
  if (answer.status >= 300) throw new Error(`${method} ${path}: ${JSON.stringify(answer.body)}`);
  return answer.body;
}
