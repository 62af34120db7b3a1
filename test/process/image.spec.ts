import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  broughtBy,
  filesOfCheckout,
  readCopy,
  readDockerfile,
  readIgnoreFile,
  readStages,
  ROOT,
} from '../setup/dockerfile.js';

const { stages, given } = readDockerfile();
const [build, final] = stages;
const manifest: { version: string } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));

/** What the final stage says by an instruction. */
const said = (instruction: string) =>
  final?.steps.filter((step) => step.instruction === instruction).map(({ text }) => text);

describe('the Dockerfile', () => {
  const copies = stages.flatMap(({ steps }) =>
    steps.filter(({ instruction }) => instruction === 'COPY').map(readCopy),
  );
  const sources = copies.filter(({ from }) => from === null).flatMap((copy) => copy.sources);

  test.each(sources)('is given %s, which it copies', (source) => {
    expect(broughtBy(source, given)).not.toEqual([]);
  });

  test('is given nothing that it does not copy', () => {
    const copied = (file: string) => sources.some((source) => broughtBy(source, [file]).length > 0);
    expect(given.length).toBeGreaterThan(300);
    expect(given.filter((file) => !copied(file))).toEqual([]);
  });

  test('is given all of the program but its tests', () => {
    const program = filesOfCheckout('src').filter((file) => !file.endsWith('.spec.ts'));
    expect(given.filter((file) => file.startsWith('src/'))).toEqual(program);
    expect(given.filter((file) => file.startsWith('assets/'))).toEqual(filesOfCheckout('assets'));
  });

  test.each([
    '.env',
    '.env.local',
    'src/.env',
    'assets/.env.production',
    'docker/.env',
    '.mandate/key-encryption-key',
    'src/.mandate/admin-token',
    'node_modules/pg/package.json',
    'dist/src/main.js',
    '.git/config',
    'src/cli/arguments.spec.ts',
    'test/setup/harness.ts',
  ])('is not given %s', (path) => {
    const text = readFileSync(join(ROOT, 'docker/Dockerfile.dockerignore'), 'utf8');
    expect(readIgnoreFile(text)(path)).toBe(false);
  });

  test('is on one Node.js, which has long-term support, and leaves its package managers behind', () => {
    const base = stages[0]?.base ?? '';
    expect(base).toMatch(/^node:24-bookworm-slim(?:@sha256:[0-9a-f]{64})?$/);
    expect(stages.map((stage) => stage.base)).toEqual([base, base]);
    expect(build?.name).toBe('build');
    const gone = said('RUN')?.join(' ');
    for (const name of ['node_modules', 'npm', 'npx', 'corepack', 'yarn']) {
      expect(gone).toMatch(new RegExp(`/${name}(?: |$)`));
    }
  });

  test('names its base where Renovate finds it to pin it: whole, in one line', () => {
    const text = readFileSync(join(ROOT, 'docker/Dockerfile'), 'utf8');
    expect(text.split('\n').filter((line) => line.includes(stages[0]?.base ?? ' '))).toEqual([
      `ARG NODE_IMAGE=${stages[0]?.base}`,
    ]);
    const { packageRules }: { packageRules: object[] } = JSON.parse(
      readFileSync(join(ROOT, 'renovate.json'), 'utf8'),
    );
    expect(packageRules).toContainEqual(
      expect.objectContaining({
        matchManagers: ['dockerfile', 'docker-compose'],
        pinDigests: true,
      }),
    );
  });

  test('lets everybody read what is in it, whatever the modes of the checkout are', () => {
    const into = final?.steps.filter(({ instruction }) => instruction === 'COPY').map(readCopy);
    expect(into?.map(({ from }) => from)).toEqual(into?.map(() => 'build'));
    const last = build?.steps.at(-1);
    expect(last).toMatchObject({
      instruction: 'RUN',
      text: expect.stringMatching(
        /chmod -R a\+rX,go-w package\.json sbom\.cdx\.json LICENSE assets dist$/,
      ),
    });
  });

  test('runs as a user without rights that a platform knows by number', () => {
    expect(said('USER')).toEqual(['1000:1000']);
    expect(final?.steps.findIndex(({ instruction }) => instruction === 'USER')).toBeGreaterThan(
      final?.steps.findLastIndex(({ instruction }) => /^(?:COPY|RUN)$/.test(instruction)) ?? 99,
    );
  });

  test('says what it is, and how it is asked whether it lives', () => {
    expect(said('ARG')).toContain(`VERSION=${manifest.version}`);
    const labels = said('LABEL')?.join(' ') ?? '';
    for (const name of ['title', 'description', 'licenses', 'version', 'revision']) {
      expect(labels).toContain(`org.opencontainers.image.${name}=`);
    }
    expect(said('HEALTHCHECK')?.join()).toContain('/health');
    expect(said('CMD')).toEqual(['["node", "dist/src/main.js"]']);
  });
});

describe('what reads a Dockerfile here', () => {
  test.each([
    ['*\n!src', 'src/main.ts', true],
    ['*\n!src', 'assets/page.css', false],
    ['!src\n*', 'src/main.ts', false],
    ['*\n!src\n**/*.spec.ts', 'src/a/b.spec.ts', false],
    ['*\n!src\nsrc/**/*.spec.ts', 'src/b.spec.ts', false],
    ['src', 'other/src/main.ts', true],
    ['**/src', 'other/src/main.ts', false],
    ['/src/', 'src/main.ts', false],
    ['# src\n', 'src/main.ts', true],
  ])('reads an ignore file as a build does: %j for %s', (text, path, isGiven) => {
    expect(readIgnoreFile(text)(path)).toBe(isGiven);
  });

  test('knows when it does not understand something', () => {
    expect(() => readStages('FROM a\nADD x /\n')).toThrow('ADD x');
    for (const text of ['*.json ./', '--chown=1 a b', 'a']) {
      expect(() => readCopy({ instruction: 'COPY', text })).toThrow('not understood');
    }
    expect(readStages('ARG V=1\nFROM a:${V} AS b\n# no\nRUN x \\\n # no\n  y\n')).toEqual([
      { name: 'b', base: 'a:1', steps: [{ instruction: 'RUN', text: 'x y' }] },
    ]);
  });
});
