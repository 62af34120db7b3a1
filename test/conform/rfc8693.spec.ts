import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isAnotherServer, readConfiguration } from '../conformance/configuration.js';
import { printReport, reportAsJson, WORDS } from '../conformance/report.js';
import { REQUIREMENTS, RFC_TITLES } from '../conformance/requirements/requirements.js';
import { openServer, tryRequirement, type Result } from '../conformance/run.js';
import type { Server } from '../conformance/server.js';
import { freePort } from '../setup/free-port.js';
import { startReplica, type Replica } from '../setup/harness.js';
import { configureOwnServer } from './own-server.js';

const another = isAnotherServer(process.env);
const results: Result[] = [];
let replica: Replica | undefined;
let server: Server;

beforeAll(async () => {
  if (!another) replica = await startOwnServer();
  server = await openServer(
    replica === undefined ? readConfiguration(process.env) : await configureOwnServer(replica),
  );
});

/** The server of this checkout, where its issuer says that it is. */
async function startOwnServer(): Promise<Replica> {
  const port = await freePort();
  return startReplica({ env: { PORT: `${port}`, ISSUER_URL: `http://127.0.0.1:${port}` } });
}

afterAll(async () => {
  await replica?.stop();
  console.log(printReport(results));
  const path = process.env['CONFORMANCE_REPORT'];
  if (path) writeFileSync(path, reportAsJson(results));
});

/** What the server of this checkout does not do. */
const MAY_NOT_APPLY = new Set<string>([
  ...REQUIREMENTS.filter(({ grant }) => grant === 'JWT as authorization grant').map(({ id }) => id),
  'rfc9068-2.2.1-authentication',
  'rfc9068-3-default-resource',
  'rfc6749-3.2-tls',
  'rfc6749-3.3-scope-differs',
  'rfc6749-5.2-error-uri',
]);

test('a token request is granted, without which nothing can be tried', async () => {
  await server.granted();
});

const valuesOf = <K extends 'rfc' | 'section'>(name: K, of: typeof REQUIREMENTS) => [
  ...new Set(of.map((requirement) => requirement[name])),
];

describe.each(valuesOf('rfc', REQUIREMENTS))('RFC %i', (rfc) => {
  const ofRfc = REQUIREMENTS.filter((requirement) => requirement.rfc === rfc);

  describe(RFC_TITLES[rfc] ?? '', () => {
    describe.each(valuesOf('section', ofRfc))('%s', (section) => {
      const ofSection = ofRfc.filter((requirement) => requirement.section === section);

      for (const { id, level, text } of ofSection) {
        test(`${level} ${text} (${id})`, async (context) => {
          const result = await tryRequirement(server, id);
          results.push(result);
          const { outcome, detail } = result;
          if (outcome === 'failed') throw new Error(detail);
          if (outcome !== 'passed' && outcome !== 'warned') {
            context.skip(`${WORDS[outcome]}: ${detail}`);
          }
        });
      }
    });
  });
});

test.skipIf(another)(
  'of the server of this checkout, everything could be tried, and nothing is a warning',
  () => {
    expect(results).toHaveLength(REQUIREMENTS.length);
    const found = ({ outcome }: Result) => outcome === 'skipped' || outcome === 'warned';
    expect(results.filter(found)).toEqual([]);
    const notApplicable = results
      .filter(({ outcome }) => outcome === 'not_applicable')
      .map(({ requirement }) => requirement.id);
    expect(notApplicable.filter((id) => !MAY_NOT_APPLY.has(id))).toEqual([]);
  },
);
