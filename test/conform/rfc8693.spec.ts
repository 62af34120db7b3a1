import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { isAnotherServer, readConfiguration } from '../conformance/configuration.js';
import { printReport, reportAsJson, WORDS } from '../conformance/report.js';
import { REQUIREMENTS, RFC_TITLES } from '../conformance/requirements/requirements.js';
import { openServer, tryRequirement, type Result } from '../conformance/run.js';
import type { Server } from '../conformance/server.js';
import { sharedReplica } from '../setup/harness.js';
import { configureOwnServer } from './own-server.js';

const results: Result[] = [];
let server: Server;

beforeAll(async () => {
  server = await openServer(
    isAnotherServer(process.env)
      ? readConfiguration(process.env)
      : await configureOwnServer(await sharedReplica()),
  );
});

afterAll(() => {
  console.log(printReport(results));
  const path = process.env['CONFORMANCE_REPORT'];
  if (path) writeFileSync(path, reportAsJson(results));
});

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
