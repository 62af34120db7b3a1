import puppeteer, { type Browser, type Page } from 'puppeteer-core';

/** Starts the Chromium at a path, without a window. */
export function startBrowser(executablePath: string): Promise<Browser> {
  return puppeteer.launch({
    executablePath,
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
