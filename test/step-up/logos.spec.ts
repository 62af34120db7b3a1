import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { APPROVE_WRITES, heldIn } from '../setup/challenges.js';
import { auditOf, sharedReplica, type Replica } from '../setup/harness.js';
import { fragmentOf, openPage } from '../setup/pages.js';
import { persistently } from '../setup/patience.js';
import { newPng } from '../setup/png.js';
import { callAdmin, createTestZone, type TestZone } from '../setup/zone.js';

let replica: Replica;
let zone: TestZone;

beforeAll(async () => {
  replica = await sharedReplica();
  zone = await createTestZone(replica);
});

const dataUri = (content: Buffer) => `data:image/png;base64,${content.toString('base64')}`;
const ask = (method: string, path: string, body?: object) =>
  persistently(() => callAdmin(replica, method, path, body));
const change = (body: object) => ask('PATCH', `/zones/${zone.zoneId}`, body);
const pathOf = (uri: unknown) => new URL(String(uri)).pathname;

describe('the logo of a zone', () => {
  test('is shown by the zone, served by its content, and gone once it is taken away', async () => {
    const png = newPng();
    const set = await change({ logo_uri: dataUri(png) });
    expect(set.status).toBe(200);
    const path = pathOf(set.body['logo_uri']);
    expect(path).toMatch(/^\/step-up\/logos\/[A-Za-z0-9_-]{43}\.png$/);
    // What is recorded is where it is, and not what.
    const [event] = await auditOf(replica.databaseUrl, set.requestId);
    expect(JSON.stringify(event?.event)).not.toContain('base64');
    expect(event?.event).toMatchObject({ after: { logo_uri: set.body['logo_uri'] } });

    const served = await fetch(`${replica.url}${path}`);
    expect(served.status).toBe(200);
    expect(Object.fromEntries(served.headers)).toMatchObject({
      'cache-control': 'public, max-age=31536000, immutable',
      'content-security-policy': "default-src 'none'; sandbox",
      'content-type': 'image/png',
      'x-content-type-options': 'nosniff',
    });
    expect(Buffer.from(await served.arrayBuffer()).equals(png)).toBe(true);

    const same = await change({ logo_uri: set.body['logo_uri'] });
    expect(same.headers.get('etag')).toBe(set.headers.get('etag'));
    const other = await change({ logo_uri: dataUri(newPng()) });
    expect(other.headers.get('etag')).not.toBe(set.headers.get('etag'));
    expect((await fetch(`${replica.url}${path}`)).status).toBe(404);
    const none = await change({ logo_uri: null });
    expect(none.body).not.toHaveProperty('logo_uri');
    expect((await fetch(`${replica.url}${pathOf(other.body['logo_uri'])}`)).status).toBe(404);
  });

  test('can be there from the start, and is that of each zone that has the same', async () => {
    const logo = { logo_uri: dataUri(newPng()) };
    const made = await Promise.all(
      [randomUUID(), randomUUID()].map((name) => ask('POST', '/zones', { name, ...logo })),
    );
    expect(made.map(({ status }) => status)).toEqual([201, 201]);
    const [one, two] = made.map(({ body }) => body);
    expect(one?.['logo_uri']).toBe(two?.['logo_uri']);
    const path = pathOf(one?.['logo_uri']);
    await ask('DELETE', `/zones/${String(one?.['id'])}`);
    expect((await fetch(`${replica.url}${path}`)).status).toBe(200);
    await ask('DELETE', `/zones/${String(two?.['id'])}`);
    expect((await fetch(`${replica.url}${path}`)).status).toBe(404);
  });

  test('is on pages of who may know whose they are, which load nothing from elsewhere', async () => {
    await zone.activate(APPROVE_WRITES.replace('"approval"', '"mfa"'));
    const { body } = await change({ logo_uri: dataUri(newPng()), display_name: 'Pied Piper' });
    const { id, confirmUri } = heldIn(await zone.session({ scope: 'a:write' }));
    const page = `/step-up/${id}/confirm`;
    const link = fragmentOf(confirmUri ?? '');
    const img = `src="${pathOf(body['logo_uri'])}" alt=""`;
    for (const fields of [{ link }, { link, decision: 'later' }]) {
      expect((await openPage(replica, page, fields)).text).toContain(img);
    }
    expect((await openPage(replica, page)).text).not.toContain('<img');
    const { headers } = await fetch(`${replica.url}${page}`);
    const policy = headers.get('content-security-policy') ?? '';
    expect(policy.split('; ')).toContain("img-src 'self'");
    expect(policy).not.toContain('http');
    await change({ logo_uri: null });
    expect((await openPage(replica, page, { link })).text).not.toContain('<img');
  });

  test.each<readonly [number, string, unknown]>([
    [422, 'an address elsewhere', 'https://tracker.example/logo.png'],
    [422, 'SVG', `data:image/svg+xml;base64,${Buffer.from('<svg/>').toString('base64')}`],
    [422, 'SVG that is called PNG', dataUri(Buffer.from('<svg/>'))],
    [422, 'nothing', 'data:image/png;base64,'],
    [422, 'an empty text', ''],
    [422, 'no base64', 'data:image/png;base64,***'],
    [422, 'something behind the image', dataUri(Buffer.concat([newPng(), Buffer.from('GIF')]))],
    [422, 'too much', dataUri(Buffer.alloc(65_537))],
    [400, 'far too much', 'x'.repeat(90_001)],
    [400, 'a number', 7],
  ])('is refused with %i for %s', async (status, _what, logo_uri) => {
    const refused = await change({ logo_uri });
    expect(refused).toMatchObject({ status, body: { errors: [{ field: 'logo_uri' }] } });
    const made = await ask('POST', '/zones', { name: randomUUID(), logo_uri });
    expect(made.status).toBe(status);
    expect(await auditOf(replica.databaseUrl, made.requestId)).toEqual([]);
  });

  test.each(['x.png', `${'x'.repeat(43)}.png`, `${'x'.repeat(43)}.svg`, '%00.png'])(
    'is not at %s',
    async (name) => {
      expect((await fetch(`${replica.url}/step-up/logos/${name}`)).status).toBe(404);
    },
  );
});
