import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { sharedReplica, type Replica } from '../setup/harness.js';
import { persistently } from '../setup/patience.js';
import { createTestZone, readAnswer, type Answer, type TestZone } from '../setup/zone.js';

let replica: Replica;
let zone: TestZone;

beforeAll(async () => {
  replica = await sharedReplica();
  zone = await createTestZone(replica);
});

async function call(
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
) {
  return persistently(async () =>
    readAnswer(
      await fetch(`${replica.url}/admin/management${path}`, {
        method,
        headers: {
          authorization: `Bearer ${replica.adminToken}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }),
    ),
  );
}

/** A list, which answers are read as objects of. */
const listed = (body: object): Record<string, unknown>[] => Object.values(body);

describe('tenants', () => {
  test('are zones, and are made, shown, replaced and removed as Shyntr does', async () => {
    const name = `tenant ${randomUUID()}`;
    const made = await call('POST', '/tenants', {
      id: '',
      name,
      display_name: 'Alpha Corp',
      description: 'Main production environment',
    });
    expect([made.status, made.body]).toEqual([
      201,
      {
        id: expect.any(String),
        name,
        display_name: 'Alpha Corp',
        description: 'Main production environment',
        issuer_url: expect.stringContaining('/zones/'),
        created_at: expect.any(String),
        updated_at: expect.any(String),
      },
    ]);
    const id = String(made.body['id']);
    expect(made.headers.get('location')).toBe(`/admin/management/tenants/${id}`);
    expect((await call('GET', `/tenants/${encodeURIComponent(name)}`)).body).toEqual(made.body);
    const shown = await call('GET', `/tenants/${id}`);
    expect(shown.body).toEqual(made.body);

    const replaced = await call('PUT', `/tenants/${id}`, { id, name, description: 'Other' });
    expect([replaced.status, replaced.body]).toEqual([200, { status: 'updated' }]);
    const after = await call('GET', `/tenants/${id}`);
    expect(after.body).toMatchObject({ display_name: '', description: 'Other' });
    const stale = { 'if-match': shown.headers.get('etag') ?? '' };
    expect((await call('PUT', `/tenants/${id}`, { name }, stale)).status).toBe(412);
    expect((await call('DELETE', `/tenants/${id}`, undefined, stale)).status).toBe(412);
    const [row] = await zone.audit(replaced.requestId);
    expect(row).toMatchObject({ zone_id: id, event: { type: 'admin.zone.changed' } });

    const removed = await call('DELETE', `/tenants/${id}`);
    expect([removed.status, removed.body]).toEqual([
      200,
      { message: 'Tenant and all associated resources deleted successfully' },
    ]);
    expect((await call('GET', `/tenants/${id}`)).status).toBe(404);
  });

  test('are listed part by part', async () => {
    const first = await call('GET', `/tenants?limit=1&after=${before(zone.zoneId)}`);
    expect(listed(first.body)).toEqual([expect.objectContaining({ id: zone.zoneId })]);
    await createTestZone(replica);
    const again = await call('GET', `/tenants?limit=1&after=${before(zone.zoneId)}`);
    expect(again.headers.get('link')).toBe(`<?after=${zone.zoneId}>; rel="next"`);
  });

  test('are not removed by who asks for a dry run, which there is none of here', async () => {
    const { zoneId, clientId } = await createTestZone(replica);
    for (const path of [`/tenants/${zoneId}`, `/clients/${zoneId}/${clientId}`]) {
      // oxlint-disable-next-line no-await-in-loop
      const refused = await call('DELETE', `${path}?dry_run=true`);
      expect([refused.status, refused.body['field_errors']]).toEqual([
        400,
        [{ field: 'dry_run', message: expect.any(String) }],
      ]);
      // oxlint-disable-next-line no-await-in-loop
      expect((await call('GET', path)).status).toBe(200);
    }
  });

  test.each([
    [{ name: 'x', id: 'mine' }, 422, 'id'],
    [{ name: '' }, 400, 'name'],
    [{ name: 'x', display_name: 'Alpha\nApproved already' }, 400, 'display_name'],
    [{ name: 'x', description: 'read\u202Esdrawkcab' }, 400, 'description'],
    [{}, 400, 'name'],
    [{ name: 'x', unknown: 1 }, 400, 'unknown'],
  ])('of %j are refused, in the form that Shyntr gives errors', async (body, status, field) => {
    const refused = await call('POST', '/tenants', body);
    expect(refused.headers.get('content-type')).toBe('application/problem+json');
    expect(refused.body).toMatchObject({
      status,
      detail: expect.any(String),
      status_code: status,
      user_message: refused.body['detail'],
      code: status === 422 ? 'unprocessable' : 'invalid_request',
      field_errors: [{ field, message: expect.any(String) }],
      requestId: refused.requestId,
    });
  });

  test('that are not there are not found, whatever they are called', async () => {
    for (const name of [randomUUID(), 'nobody', '%00', 'a%2Fb']) {
      // oxlint-disable-next-line no-await-in-loop
      expect((await call('GET', `/tenants/${name}`)).status).toBe(404);
    }
  });
});

describe('scopes of tenants', () => {
  test('are made, shown, replaced and removed', async () => {
    const at = `/tenants/${zone.zoneId}/scopes`;
    const name = `scope:${randomUUID()}`;
    const made = await call('POST', at, {
      tenant_id: zone.zoneId,
      name,
      description: '',
      claims: [],
    });
    expect([made.status, made.body]).toEqual([
      201,
      {
        id: expect.any(String),
        tenant_id: zone.zoneId,
        name,
        description: '',
        claims: [],
        active: true,
        is_system: false,
        created_at: expect.any(String),
        updated_at: expect.any(String),
      },
    ]);
    const one = `${at}/${String(made.body['id'])}`;
    expect(listed((await call('GET', at)).body).map((scope) => scope['name'])).toEqual(
      expect.arrayContaining(['openid', name]),
    );
    const body = { name, description: 'Reads', active: false };
    expect((await call('PUT', one, body)).body).toEqual({ status: 'updated' });
    expect((await call('GET', one)).body).toMatchObject({ description: 'Reads', active: false });
    expect((await call('PUT', one, { name: 'another' })).status).toBe(409);
    expect((await call('PUT', one, { name, claims: ['email'] })).status).toBe(200);
    expect((await call('GET', one)).body).toMatchObject({ claims: ['email'], active: true });
    expect((await call('PUT', one, { name, claims: ['sub'] })).status).toBe(422);
    const many = Array.from({ length: 51 }, (_, n) => `claim_${n}`);
    expect((await call('PUT', one, { name, claims: many })).status).toBe(400);
    expect((await call('PUT', one, { name, description: 'Reads\nall' })).status).toBe(400);
    expect((await call('PUT', one, { name, tenant_id: randomUUID() })).status).toBe(422);
    expect((await call('DELETE', one)).status).toBe(204);
    expect((await call('GET', one)).status).toBe(404);
  });
});

describe('clients', () => {
  const EMPTY = {
    client_id: '',
    client_secret: '',
    redirect_uris: [],
    response_types: [],
    public: false,
    enforce_pkce: false,
    allowed_cors_origins: [],
    backchannel_logout_uri: '',
    subject_type: 'public',
  };
  const registration = () => ({
    ...EMPTY,
    tenant_id: zone.zoneId,
    name: `client ${randomUUID()}`,
    grant_types: ['client_credentials'],
    scopes: ['a:read'],
    audience: [zone.resource],
    token_endpoint_auth_method: 'client_secret_post',
  });

  test('are registered, shown, replaced and removed, and have what they are registered with', async () => {
    const body = registration();
    const made = await call('POST', '/clients', body);
    expect([made.status, made.body]).toEqual([
      201,
      {
        client_id: expect.any(String),
        tenant_id: zone.zoneId,
        name: body.name,
        app_id: '',
        client_secret: expect.any(String),
        redirect_uris: [],
        grant_types: ['client_credentials', 'urn:ietf:params:oauth:grant-type:token-exchange'],
        response_types: [],
        response_modes: [],
        scopes: ['a:read'],
        audience: [zone.resource],
        public: false,
        token_endpoint_auth_method: 'client_secret_post',
        enforce_pkce: false,
        allowed_cors_origins: [],
        post_logout_redirect_uris: [],
        subject_type: 'public',
        created_at: expect.any(String),
        updated_at: expect.any(String),
      },
    ]);
    const id = String(made.body['client_id']);
    const credentials = { client_id: id, client_secret: String(made.body['client_secret']) };
    const granted = await zone.session({ ...credentials, scope: 'a:read' });
    expect(granted.status).toBe(200);

    const one = `/clients/${zone.zoneId}/${id}`;
    const shown = await call('GET', one);
    const masked = { ...made.body, client_secret: '*****' };
    expect(shown.body).toEqual(masked);
    const inTenant = await call('GET', `/tenants/${zone.zoneId}/clients`);
    expect(listed(inTenant.body)).toContainEqual(masked);
    const found = await call('GET', `/clients?limit=1&after=${before(id)}`);
    expect(listed(found.body)).toEqual([masked]);

    await zone.admin('PATCH', `/clients/${id}`, { labels: ['kept'] });
    const stale = { 'if-match': shown.headers.get('etag') ?? '' };
    const other = { ...body, client_id: id, client_secret: '*****', scopes: [], app_id: 'crm' };
    expect((await call('PUT', `/clients/${id}`, other, stale)).status).toBe(412);
    expect((await call('PUT', `/clients/${id}`, other)).body).toEqual({ status: 'updated' });
    expect(await zone.admin('GET', `/clients/${id}`)).toMatchObject({
      labels: ['kept'],
      scopes: null,
      audience: [zone.resource],
      app_id: 'crm',
    });
    expect((await zone.session({ ...credentials, scope: 'a:read' })).status).toBe(200);
    expect((await call('DELETE', one)).status).toBe(204);
    expect((await call('GET', one)).status).toBe(404);
    expect((await zone.session({ ...credentials, scope: 'a:read' })).status).toBe(401);
  });

  test('are as they were when what was read of them is written back', async () => {
    for (const more of [
      {},
      { scopes: [], audience: [] },
      { scopes: ['a:read'], audience: [zone.resource], app_id: 'crm' },
    ]) {
      const body = { name: `client ${randomUUID()}`, ...more };
      // oxlint-disable-next-line no-await-in-loop
      const { id, client_secret: _secret, ...made } = await zone.admin('POST', '/clients', body);
      // oxlint-disable-next-line no-await-in-loop
      const shown = await call('GET', `/clients/${zone.zoneId}/${String(id)}`);
      const { created_at: _at, updated_at: _changed, ...read } = shown.body;
      // oxlint-disable-next-line no-await-in-loop
      expect((await call('PUT', `/clients/${String(id)}`, read)).status).toBe(200);
      // oxlint-disable-next-line no-await-in-loop
      expect(await zone.admin('GET', `/clients/${String(id)}`)).toMatchObject({
        scopes: made['scopes'],
        audience: made['audience'],
        auth_methods: made['auth_methods'],
      });
    }
  });

  test('have an app_id of one line', async () => {
    const refused = await call('POST', '/clients', { ...registration(), app_id: 'a\nb' });
    expect([refused.status, refused.body['field_errors']]).toEqual([
      400,
      [{ field: 'app_id', message: expect.any(String) }],
    ]);
  });

  test.each([
    [{ client_id: 'mine' }, 'client_id'],
    [{ client_secret: 'a secret of mine' }, 'client_secret'],
    [{ redirect_uris: ['https://a.example/'] }, 'redirect_uris'],
    [{ public: true }, 'public'],
    [{ enforce_pkce: true }, 'enforce_pkce'],
    [{ grant_types: ['authorization_code'] }, 'grant_types'],
    [{ response_types: ['code'] }, 'response_types'],
  ])('with %j are refused by name', async (more, field) => {
    const refused = await call('POST', '/clients', { ...registration(), ...more });
    expect([refused.status, refused.body['field_errors']]).toEqual([
      422,
      [{ field, message: expect.any(String) }],
    ]);
    expect(await zone.audit(refused.requestId)).toEqual([]);
  });

  test('of another tenant are not found', async () => {
    const other = await createTestZone(replica);
    const body = { ...registration(), tenant_id: other.zoneId, name: 'taken over' };
    for (const [method, path, change] of [
      ['GET', `/clients/${other.zoneId}/${zone.clientId}`, undefined],
      ['PUT', `/clients/${zone.clientId}`, body],
      ['DELETE', `/clients/${other.zoneId}/${zone.clientId}`, undefined],
    ] as const) {
      // oxlint-disable-next-line no-await-in-loop
      expect([method, (await call(method, path, change)).status]).toEqual([method, 404]);
    }
    expect((await zone.session()).status).toBe(200);
  });
});

describe('policies for outbound requests', () => {
  const WHOLE = {
    enabled: true,
    allowed_schemes: ['https'],
    allowed_host_patterns: ['*.example.com'],
    allowed_path_patterns: ['/api/*'],
    allowed_ports: [443],
    block_private_ips: true,
    block_loopback_ips: true,
    block_link_local_ips: true,
    block_multicast_ips: true,
    block_localhost_names: true,
    disable_redirects: true,
    require_dns_resolve: true,
    request_timeout_seconds: 5,
    max_response_bytes: 65_536,
  };

  test('of a tenant are made, listed, replaced and removed', async () => {
    const own = await createTestZone(replica);
    const policy = { ...WHOLE, id: '', name: 'hooks', target: 'webhook_delivery' };
    const made = await call('POST', '/outbound-policies', { ...policy, tenant_id: own.zoneId });
    expect([made.status, made.body]).toEqual([
      201,
      {
        ...policy,
        id: expect.any(String),
        tenant_id: own.zoneId,
        created_at: expect.any(String),
        updated_at: expect.any(String),
      },
    ]);
    const one = `/outbound-policies/${String(made.body['id'])}`;
    expect((await call('GET', one)).body).toEqual(made.body);
    const found = await call('GET', `/outbound-policies?tenant_id=${own.zoneId}`);
    expect(listed(found.body)).toContainEqual(made.body);
    const without = await call('GET', '/outbound-policies');
    expect(listed(without.body)).not.toContainEqual(made.body);
    expect((await call('PUT', one, { ...WHOLE, name: 'calls' })).body).toEqual({
      status: 'updated',
    });
    expect((await call('GET', one)).body).toMatchObject({ name: 'calls', tenant_id: own.zoneId });
    const elsewhere = { ...WHOLE, name: 'calls', tenant_id: zone.zoneId };
    expect((await call('PUT', one, elsewhere)).status).toBe(422);
    expect((await call('DELETE', one)).status).toBe(204);
    expect((await call('GET', one)).status).toBe(404);
  });

  test('for what is not requested here are refused by name', async () => {
    const policy = { ...WHOLE, name: 'x', target: 'saml_metadata_fetch', tenant_id: zone.zoneId };
    const refused = await call('POST', '/outbound-policies', policy);
    expect([refused.status, refused.body['user_message']]).toEqual([
      422,
      expect.stringContaining('target'),
    ]);
  });
});

describe('webhooks', () => {
  test('are registered for one tenant', async () => {
    const name = `hook ${randomUUID()}`;
    const body = { name, url: 'https://siem.example/hook', events: ['session.ended'] };
    const made = await call('POST', '/webhooks', { ...body, tenant_ids: [zone.zoneId] });
    expect([made.status, made.body]).toEqual([
      201,
      {
        ...body,
        id: expect.any(String),
        tenant_ids: [zone.zoneId],
        is_active: true,
        secret: expect.stringMatching(/^whsec_/),
        created_at: expect.any(String),
      },
    ]);
    expect(await zone.admin('GET', `/webhooks/${String(made.body['id'])}`)).toMatchObject({ name });
  });

  test.each([
    [[], 422, 'names no tenant'],
    [['*', '*'], 422, 'tenants are named whole'],
    [['ZONE', '*'], 422, 'tenants are named whole'],
    [['^prod-.*$'], 422, 'tenants are named whole'],
    [['ZONE', 'eu-.+'], 422, 'tenants are named whole'],
    [['ZONE', randomUUID()], 404, 'no such tenant'],
  ])('of %j are refused', async (named, status, why) => {
    const tenants = named.map((each) => (each === 'ZONE' ? zone.zoneId : each));
    const body = { name: 'x', url: 'https://siem.example/', tenant_ids: tenants };
    const refused = await call('POST', '/webhooks', body);
    expect([refused.status, JSON.stringify(refused.body)]).toEqual([
      status,
      expect.stringContaining(why),
    ]);
  });
});

describe('the audit log of a tenant', () => {
  const seen = async (query = '') =>
    call('GET', `/audit/${zone.zoneId}${query}`) as Promise<Answer & { body: unknown }>;

  test('is shown in parts, the newest first', async () => {
    for (let n = 0; n < 3; n += 1) {
      // oxlint-disable-next-line no-await-in-loop
      await zone.session();
    }
    const whole = Object.values((await seen()).body) as { id: string; tenant_id: string }[];
    expect(whole.length).toBeGreaterThan(3);
    expect(new Set(whole.map(({ tenant_id: tenant }) => tenant))).toEqual(new Set([zone.zoneId]));
    const part = await seen('?limit=2&offset=1');
    expect(Object.values(part.body)).toEqual(whole.slice(1, 3));
    expect(part.headers.get('link')).toBe('<?limit=2&offset=3>; rel="next"');
    const past = await seen('?offset=10000');
    expect([past.status, Object.values(past.body), past.headers.get('link')]).toEqual([
      200,
      [],
      null,
    ]);
  });

  test.each(['offset=-1', 'offset=10001', 'offset=x', 'limit=0', 'limit=501', 'after=1'])(
    'is refused with %s',
    async (query) => {
      expect((await seen(`?${query}`)).status).toBe(400);
    },
  );

  test('is not there of nobody', async () => {
    expect((await call('GET', '/audit/nobody')).status).toBe(404);
  });
});

describe('what is not offered', () => {
  test.each([
    ['/saml-clients', 'SAML clients'],
    ['/tenants/a/oidc-connections', 'connections to OpenID providers'],
    ['/ldap-connections/a/b', 'connections to directories'],
    ['/dashboard/stats', 'the dashboard'],
  ])('%s says so, to who may ask', async (path, what) => {
    const refused = await call('GET', path);
    expect([refused.status, refused.body['detail']]).toEqual([404, `not offered yet: ${what}`]);
    const stranger = await fetch(`${replica.url}/admin/management${path}`);
    expect(stranger.status).toBe(401);
    expect(await stranger.text()).not.toContain('offered');
  });
});

test('nobody comes in without a key', async () => {
  for (const path of ['/tenants', '/clients', '/nothing']) {
    // oxlint-disable-next-line no-await-in-loop
    const { status } = await fetch(`${replica.url}/admin/management${path}`);
    expect([path, status]).toEqual([path, 401]);
  }
});

/** The id that comes right before another. */
function before(id: string): string {
  const digits = id.replaceAll('-', '');
  const less = (BigInt(`0x${digits}`) - 1n).toString(16).padStart(32, '0');
  return less.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
