import { beforeAll, describe, expect, test } from 'vitest';
import { memberOf, type Noun } from '../../src/cli/zone-file/field.js';
import { NOUNS } from '../../src/cli/zone-file/nouns/nouns.js';
import { ZONE } from '../../src/cli/zone-file/nouns/zone-noun.js';
import { sharedReplica } from '../setup/harness.js';

interface Schema {
  readonly $ref?: string;
  readonly enum?: readonly (string | null)[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
}

interface Document {
  readonly paths: Readonly<
    Record<
      string,
      Readonly<Record<string, { requestBody?: { content: Record<string, { schema: Schema }> } }>>
    >
  >;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

/** Members of bodies that a zone file does not have, and why. */
const NOT_IN_THE_FILE: Readonly<Record<string, string>> = {
  'clients token_endpoint_auth_method': 'is another way to say auth_methods',
  'clients client_secret_expires_at':
    'is of the first secret: a zone file says when the newest ends',
  'clients client_secret': 'is no secret but *****, where a client is written back',
  'outbound_policies block_link_local_ips': 'is true always',
  'outbound_policies block_multicast_ips': 'is true always',
  'outbound_policies disable_redirects': 'is true always',
  'outbound_policies require_dns_resolve': 'is true always',
};

/** What comes along where something is written back as it was read. */
const WRITTEN_BACK = new Set(
  'id client_id registration_method created_at updated_at has_ssf_poll_token'.split(' '),
);

let document: Document;

beforeAll(async () => {
  const { url } = await sharedReplica();
  document = JSON.parse(await (await fetch(`${url}/docs-json`)).text()) as Document;
});

/** The members that the bodies of a path may have, with what they may be. */
function membersAt(path: string): Map<string, Schema> {
  const bodies = Object.values(document.paths[path] ?? {}).flatMap(({ requestBody }) =>
    requestBody === undefined ? [] : [resolve(Object.values(requestBody.content)[0]?.schema ?? {})],
  );
  return new Map(bodies.flatMap(({ properties = {} }) => Object.entries(properties)));
}

function resolve(schema: Schema): Schema {
  const name = schema.$ref?.split('/').at(-1);
  return name === undefined ? schema : (document.components.schemas[name] ?? {});
}

function pathsOf({ section, path, change }: Noun): string[] {
  if (section === 'zone') return ['/internal/zones', '/internal/zones/{zone}'];
  const all = `/internal/zones/{zone}/${path}`;
  return change === 'put by name' ? [`${all}/{type}`] : [all, `${all}/{id}`];
}

describe.each([ZONE, ...NOUNS].map((noun) => [noun.section, noun] as const))(
  '%s',
  (section, noun) => {
    const all = () => new Map(pathsOf(noun).flatMap((path) => [...membersAt(path)]));

    test('has every field that the API can set, and no other', () => {
      const members = all();
      expect(members.size).toBeGreaterThan(0);
      const fields = Object.entries(noun.fields)
        .filter(
          ([name]) => name !== 'secret' && !(noun.change === 'put by name' && name === noun.key),
        )
        .map(([name, field]) => memberOf(name, field));
      const left = [...members.keys()].filter(
        (member) =>
          !WRITTEN_BACK.has(member) && NOT_IN_THE_FILE[`${section} ${member}`] === undefined,
      );
      expect(fields.toSorted()).toEqual(left.toSorted());
    });

    test('takes the values that the API takes, where there are but a few', () => {
      const members = all();
      for (const [name, field] of Object.entries(noun.fields)) {
        const schema = members.get(memberOf(name, field));
        const values = schema?.enum ?? schema?.items?.enum;
        if (values === undefined) continue;
        for (const value of [...values.filter((each) => each !== null), 'none of them']) {
          const { success } = field.type.safeParse(schema?.enum === undefined ? [value] : value);
          expect([name, value, success]).toEqual([name, value, value !== 'none of them']);
        }
      }
    });
  },
);
