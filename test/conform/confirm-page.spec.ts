import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createServer, type AddressInfo } from 'node:net';
import type { Browser, Page } from 'puppeteer-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { codeOf } from '../setup/authenticator-app.js';
import { addAuthenticator, startBrowser } from '../setup/browser.js';
import { APPROVE_WRITES, heldIn } from '../setup/challenges.js';
import { startReplica, type Replica } from '../setup/harness.js';
import { createTestZone, type TestZone } from '../setup/zone.js';
import { CHROMIUM, describeWith } from './tools.js';

/** Where pictures of the pages go, if somebody wants to look at them. */
const PICTURES = process.env['PAGE_PICTURES'];

const PHONE = { width: 375, height: 740, deviceScaleFactor: 2, isMobile: true, hasTouch: true };

describeWith([CHROMIUM], 'the pages of a step-up, in a browser', () => {
  let replica: Replica;
  let zone: TestZone;
  let browser: Browser;
  let turn = 0;

  beforeAll(async () => {
    // Passkeys are for the origin of the issuer, so that has to be where we are.
    const port = await freePort();
    const url = `http://localhost:${port}`;
    replica = await startReplica({ env: { PORT: String(port), ISSUER_URL: url } });
    zone = await createTestZone(replica, APPROVE_WRITES.replace('"approval"', '"mfa"'));
    browser = await startBrowser(CHROMIUM.path ?? '');
    if (PICTURES !== undefined) await mkdir(PICTURES, { recursive: true });
  });
  afterAll(async () => {
    await browser?.close();
    await replica?.stop();
  });

  const here = (path: string) => `http://localhost:${replica.ports[0]}${path}`;

  async function held() {
    turn += 1;
    const request = { scope: 'a:write', ttl_seconds: String(60 * turn) };
    const { id, response, confirmUri } = heldIn(await zone.session(request));
    return {
      /** The link with its secret, and the page without. */
      link: String(confirmUri),
      page: here(`/step-up/${id}/confirm`),
      again: () => zone.session({ ...request, ...response }),
    };
  }

  async function newApp(): Promise<string> {
    const made = await zone.admin('POST', '/authenticators', {
      subject: zone.clientId,
      kind: 'totp',
    });
    return String(made['secret']);
  }

  /** A page in a context of its own, which fails the test for whatever the browser complains about. */
  async function open(url: string, use: (page: Page) => Promise<void> = async () => {}) {
    const context = await browser.createBrowserContext();
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('console', (message) => {
      // A wrong code is a 400, which browsers mention.
      if (message.type() === 'error' && !message.text().includes('status of 4')) {
        complaints.push(message.text());
      }
    });
    await page.setViewport(PHONE);
    await use(page);
    await page.goto(url);
    return { page, complaints, close: () => context.close() };
  }

  const heading = (page: Page) => page.$eval('h1', (element) => element.textContent);
  const picture = async (page: Page, name: string) => {
    if (PICTURES !== undefined)
      await page.screenshot({ path: join(PICTURES, `${name}.png`), fullPage: true });
  };
  const submit = (page: Page, selector: string) =>
    Promise.all([page.waitForNavigation(), page.click(selector)]);

  /** Opens a link, whose secret the script sends: the page that is there then. */
  async function follow(page: Page, link: string): Promise<void> {
    await Promise.all([page.waitForNavigation({ waitUntil: 'networkidle0' }), page.goto(link)]);
    await page.waitForSelector('form:not([data-link])');
    await page.waitForFunction('document.querySelector("form[data-link]") === null');
  }

  test('a code confirms without scripts: the link is pasted', async () => {
    const secret = await newApp();
    const { link, again } = await held();
    const { page, close } = await open(link, (one) => one.setJavaScriptEnabled(false));
    expect(await heading(page)).toBe('Confirm a request');
    await picture(page, 'no-script-link');
    await page.type('#link', link);
    await submit(page, 'form[data-link] button');
    expect(await heading(page)).toBe('Confirm this request?');
    expect(await (await page.$('form.passkey'))?.isVisible()).toBe(false);
    await picture(page, 'no-script');
    await page.type('#code', '000000');
    await submit(page, 'form:not(.passkey) button[value=approved]');
    expect(await page.$eval('[role=alert]', (element) => element.textContent)).toMatch(
      /not right.*4 times more/,
    );
    await picture(page, 'wrong-code');
    await page.type('#code', codeOf(secret));
    await submit(page, 'form:not(.passkey) button[value=approved]');
    expect(await heading(page)).toBe('Confirmed');
    await picture(page, 'confirmed');
    expect((await again()).status).toBe(200);
    await close();
  });

  test('a code shows the request to a person without the link, who decides then', async () => {
    const secret = await newApp();
    const { page: url, again } = await held();
    const { page, close } = await open(url, (one) => one.setJavaScriptEnabled(false));
    await page.type('#code', codeOf(secret));
    await submit(page, 'form:not([data-link]):not(.passkey) button');
    expect(await heading(page)).toBe('Confirm this request?');
    await picture(page, 'no-link');
    await submit(page, 'button[value=approved]');
    expect(await heading(page)).toBe('Confirmed');
    expect((await again()).status).toBe(200);
    await close();
  });

  test('no secret of a link is in the address, the history or a request line', async () => {
    const { link } = await held();
    const { enrolment_url: enrolment } = await zone.admin('POST', '/authenticators/enrolments', {
      subject: zone.clientId,
    });
    for (const one of [link, String(enrolment)]) {
      const secret = new URL(one).hash.slice(1);
      const { page, complaints, close } = await open('about:blank');
      const sent: string[] = [];
      page.on('request', (request) => {
        sent.push(request.url().replace(/#.*$/, ''), JSON.stringify(request.headers()));
      });
      await follow(page, one);
      expect(page.url()).toBe(one.replace(/#.*$/, ''));
      expect(await page.evaluate('[location.href, document.referrer].join(" ")')).not.toContain(
        secret,
      );
      expect(sent.length).toBeGreaterThan(3);
      expect(sent.join('\n')).not.toContain(secret);
      expect(complaints).toEqual([]);
      await close();
    }
    expect(replica.logs().join('\n')).not.toContain(new URL(link).hash.slice(1));
  });

  test('a passkey is registered, and confirms', async () => {
    const { enrolment_url: link } = await zone.admin('POST', '/authenticators/enrolments', {
      subject: zone.clientId,
    });
    const { page, complaints, close } = await open('about:blank', addAuthenticator);
    await follow(page, String(link));
    await picture(page, 'enrol');
    await submit(page, 'form[data-passkey=create] button');
    expect(await heading(page)).toBe('That works');

    const { link: url, again } = await held();
    await follow(page, url);
    await picture(page, 'phone');
    await submit(page, 'form[data-passkey=get] button[value=approved]');
    expect(await heading(page)).toBe('Confirmed');
    const granted = await again();
    const claims = JSON.parse(
      Buffer.from(String(granted.body['access_token']).split('.')[1] ?? '', 'base64url').toString(),
    );
    expect(claims).toMatchObject({ acr: 'mfa', amr: ['pop', 'user', 'mfa'] });

    const refused = await held();
    await follow(page, refused.link);
    await submit(page, 'form[data-passkey=get] button[value=rejected]');
    expect(await heading(page)).toBe('Refused');
    expect((await refused.again()).status).toBe(400);

    const seen = await held();
    await page.goto(seen.page);
    await submit(page, 'form[data-passkey=get] button');
    expect(await heading(page)).toBe('Confirm this request?');
    await submit(page, 'button[value=approved]');
    expect((await seen.again()).status).toBe(200);
    expect(complaints).toEqual([]);
    await close();
  });

  test('not now, with the way back, and this was not me', async () => {
    const { link, again } = await held();
    const { page, complaints, close } = await open('about:blank');
    await follow(page, link);
    await submit(page, 'button[value=later]');
    expect(await heading(page)).toBe('Nothing is decided');
    await picture(page, 'later');
    await submit(page, 'form button');
    expect(await heading(page)).toBe('Confirm this request?');
    // From the keyboard, the first thing that can be reached is what there is to read.
    await page.keyboard.press('Tab');
    expect(await page.evaluate('document.activeElement.tagName')).toBe('SUMMARY');
    await page.keyboard.press('Enter');
    expect(await page.$eval('.exact', (element) => Reflect.get(element, 'open'))).toBe(true);
    await submit(page, 'button[value=not_me]');
    expect(await heading(page)).toBe('Reported');
    await picture(page, 'not-me');
    expect((await again()).status).toBe(400);
    await page.goto('about:blank');
    await page.goto(link);
    expect(await heading(page)).toBe('Already decided');
    expect(complaints).toEqual([]);
    await close();
  });

  test('somebody else’s passkey confirms nothing', async () => {
    const { enrolment_url: link } = await zone.admin('POST', '/authenticators/enrolments', {
      subject: 'somebody',
    });
    const { page, close } = await open('about:blank', addAuthenticator);
    await follow(page, String(link));
    await submit(page, 'form[data-passkey=create] button');
    const { link: url } = await held();
    await follow(page, url);
    await submit(page, 'form[data-passkey=get] button[value=approved]');
    expect(await page.$eval('[role=alert]', (element) => element.textContent)).toMatch(/not right/);
    await close();
  });

  test.each([
    ['phone', PHONE],
    ['small-phone', { ...PHONE, width: 320 }],
    ['desktop', { width: 1_280, height: 800 }],
  ])('it fits a %s, and everything has a name', async (name, viewport) => {
    const { link: url } = await held();
    const { page, complaints, close } = await open('about:blank', (one) =>
      one.setViewport(viewport),
    );
    await follow(page, url);
    for (const scheme of ['light', 'dark']) {
      await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }]);
      await picture(page, `${name}-${scheme}`);
    }
    const found: unknown = await page.evaluate(LOOK);
    expect(found).toEqual({ wide: 0, small: 0, language: 'en', headings: 1, focused: '' });
    const snapshot = await page.accessibility.snapshot({ interestingOnly: true });
    const controls = namesIn(snapshot).filter(([role]) => role === 'button' || role === 'textbox');
    expect(controls).toEqual([
      ['button', 'Confirm with a passkey'],
      ['button', 'Refuse with a passkey'],
      ['textbox', 'Code from your authenticator app'],
      ['button', 'Confirm'],
      ['button', 'Refuse'],
      ['button', 'Not now'],
      ['button', 'This was not me'],
    ]);
    expect(complaints).toEqual([]);
    await close();
  });
});

/** What there is to see of a page, as a script for it. */
const LOOK = `({
  wide: document.documentElement.scrollWidth - innerWidth,
  small: [...document.querySelectorAll('button, input:not([type=hidden])')].filter(
    (element) => element.offsetHeight > 0 && element.offsetHeight < 44,
  ).length,
  language: document.documentElement.lang,
  headings: document.querySelectorAll('h1').length,
  focused: document.activeElement.id,
})`;

interface Node {
  readonly role: string;
  readonly name?: string;
  readonly children?: readonly Node[];
}

/** What a screen reader would say, in order. */
function namesIn(node: Node | null): (readonly [role: string, name: string])[] {
  if (node === null) return [];
  return [[node.role, node.name ?? ''], ...(node.children ?? []).flatMap(namesIn)];
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
