import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { JAVA, JAVAC, MAVEN } from '../../conform/tools.js';
import { slugOf } from '../programs.js';
import {
  compile,
  copyPins,
  fetchPackages,
  found,
  writeProgram,
  type Toolchain,
} from './toolchain.js';

/** Copies the packages of a `pom.xml` into a folder. */
const COPY = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies';

/** The jars that clients are, where that is another one than that of Spring Security. */
const JARS: Readonly<Record<string, string>> = { Nimbus: 'oauth2-oidc-sdk' };

/** Runs Java programs, those of each client with packages of its own. What is fetched is kept where Maven keeps it. */
export const JAVA_PROGRAMS: Toolchain = {
  prepare: async (programs, directory) => {
    const libOf = (client: string) => join(directory, slugOf(client), 'lib');
    const slugs = [...new Set(programs.map((program) => slugOf(program.client)))];
    for (const slug of slugs) copyPins(join('java', slug), join(directory, slug));
    const copy = ['-B', '-q', COPY, '-DoutputDirectory=lib'];
    await fetchPackages(
      slugs.map((slug) => ({ file: MAVEN.path ?? '', args: copy, cwd: join(directory, slug) })),
    );
    const folderOf = (slug: string) => join(directory, 'programs', slug);
    for (const program of programs) {
      const folder = folderOf(program.slug);
      mkdirSync(folder, { recursive: true });
      writeProgram(program, folder, 'Main.java');
      // The `java` that is found may be older than this `javac`.
      const args = ['--release', '17', '-cp', join(libOf(program.client), '*'), 'Main.java'];
      await compile({ file: JAVAC.path ?? '', args, cwd: folder });
    }
    return {
      commandOf: ({ client, slug }) => ({
        file: JAVA.path ?? '',
        // Quick to start, not to run.
        args: ['-XX:TieredStopAtLevel=1', '-cp', `${folderOf(slug)}:${libOf(client)}/*`, 'Main'],
        cwd: folderOf(slug),
      }),
      versionOf: (client) =>
        found(
          readdirSync(libOf(client)).join('\n'),
          new RegExp(`^${JARS[client] ?? 'spring-security-oauth2-client'}-([\\d.]+)\\.jar$`, 'm'),
        ),
    };
  },
};
