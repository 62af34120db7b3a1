import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import puppeteer, { type Browser, type Page } from 'puppeteer-core';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

/** Where a Chromium is installed, if one is: the tests of pages are skipped where there is none. */
export const CHROMIUM: string | undefined =
  process.env['CHROMIUM_PATH'] ??
  (process.env['PATH'] ?? '')
    .split(delimiter)
    .flatMap((folder) => NAMES.map((name) => join(folder, name)))
    .find((path) => existsSync(path));

/** Starts a Chromium without a window. */
export function startBrowser(): Promise<Browser> {
  return puppeteer.launch({
    executablePath: CHROMIUM ?? '',
    headless: true,
    // As root, and where there is little shared memory, it would not start.
    args: ['--no-sandbox', '--disable-dev-shm-usage'],
  });
}

/** Gives a page an authenticator that says yes, as a phone with a finger on it does. */
export async function addAuthenticator(page: Page): Promise<void> {
  const session = await page.createCDPSession();
  await session.send('WebAuthn.enable');
  await session.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });
}
