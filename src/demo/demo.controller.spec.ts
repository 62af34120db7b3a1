import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import express from 'express';
import { exportJWK, generateKeyPair } from 'jose';
import { expect, onTestFinished, test } from 'vitest';
import { demoFileIn } from '../admin/zones/demo-file.js';
import { OAuthError, type OAuthErrorCode } from '../oauth/errors.js';
import type { RunningEnv } from '../platform/config/env.js';
import { newLinkSecret } from '../step-up/authenticators/link.js';
import type { Exchange } from '../token-exchange/exchange.service.js';
import { DemoController } from './demo.controller.js';

/** What the page of the demo answers where its request is refused so: the status and the text, or the error that it leaves to others. */
async function refusedWith(code: OAuthErrorCode) {
  const folder = await mkdtemp(join(tmpdir(), 'mandate-demo-'));
  const { privateKey } = await generateKeyPair('ES256', { extractable: true });
  const secret = newLinkSecret();
  const texts = {
    zone_id: 'z',
    application_id: 'a',
    client_secret: 's',
    resource: 'r',
    scope: 's',
  };
  const person = {
    subject: 'ada',
    issuer: 'https://people.example',
    audience: 'https://mandate.example',
    signing_jwk: await exportJWK(privateKey),
    page_secret: secret,
  };
  await writeFile(demoFileIn(folder), JSON.stringify({ ...texts, person }));
  const exchange = { run: () => Promise.reject(new OAuthError(code, 'so it is')) };
  const controller = new DemoController(
    exchange as unknown as Exchange,
    { dataDir: folder } as RunningEnv,
    { now: () => Date.now() },
  );
  let left: unknown = null;
  const app = express().post('/demo', (request, response) => {
    controller.ask(request, response).catch((error: unknown) => {
      left = error;
      response.end();
    });
  });
  const server = app.listen(0);
  onTestFinished(async () => {
    server.close();
    await rm(folder, { recursive: true });
  });
  const { port } = server.address() as AddressInfo;
  const body = new URLSearchParams({ link: secret });
  const answer = await fetch(`http://127.0.0.1:${port}/demo`, { method: 'POST', body });
  return { status: answer.status, text: await answer.text(), left };
}

test('a refusal by the policy of the zone is told as a change of the zone', async () => {
  const { status, text, left } = await refusedWith('access_denied');
  expect([status, left]).toEqual([409, null]);
  expect(text).toContain('The demo zone has been changed: the request was not held (so it is).');
});

test.each(['temporarily_unavailable', 'slow_down', 'server_error'] as const)(
  'what passes is none: %s',
  async (code) => {
    const { text, left } = await refusedWith(code);
    expect([text, left]).toEqual(['', expect.objectContaining({ code })]);
  },
);
