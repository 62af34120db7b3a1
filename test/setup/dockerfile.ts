import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ignoreFile from '@balena/dockerignore';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** One instruction of a Dockerfile. */
export interface Step {
  readonly instruction: string;
  /** What follows, with continued lines joined. */
  readonly text: string;
}

/** What is built from one `FROM`. */
export interface Stage {
  readonly name: string | null;
  /** The image that it begins with, with the defaults of arguments in their places. */
  readonly base: string;
  readonly steps: readonly Step[];
}

/** A `COPY`, taken apart. */
export interface Copy {
  /** The stage that it copies from; `null`: what the build is given. */
  readonly from: string | null;
  readonly sources: readonly string[];
  readonly target: string;
}

/** Instructions that a test of the Dockerfile knows: it fails at others, which would be left out unseen. */
const KNOWN =
  /^(?:FROM|ARG|ENV|WORKDIR|COPY|RUN|LABEL|USER|EXPOSE|STOPSIGNAL|HEALTHCHECK|CMD|ENTRYPOINT)$/;

/** Reads a Dockerfile. */
export function readStages(text: string): Stage[] {
  const defaults = new Map<string, string>();
  const stages: (Stage & { steps: Step[] })[] = [];
  for (const step of stepsOf(text)) {
    const current = stages.at(-1);
    if (step.instruction === 'FROM') {
      const [, image = '', name = null] = /^(\S+)(?:\s+AS\s+(\S+))?$/i.exec(step.text) ?? [];
      const base = image.replaceAll(/\$\{(\w+)\}/g, (_, of: string) => defaults.get(of) ?? '');
      stages.push({ name, base, steps: [] });
    } else if (current === undefined) {
      const [, name = '', value = ''] = /^(\w+)=(.*)$/.exec(step.text) ?? [];
      if (step.instruction === 'ARG') defaults.set(name, value);
    } else {
      current.steps.push(step);
    }
  }
  return stages;
}

function stepsOf(text: string): Step[] {
  const lines = text.split('\n').filter((line) => !/^\s*#/.test(line));
  const joined = lines.join('\n').replaceAll(/\s*\\\n\s*/g, ' ');
  return joined
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const [, instruction = '', rest = ''] = /^(\S+)\s+(.*)$/.exec(line.trim()) ?? [];
      if (!KNOWN.test(instruction)) throw new Error(`the Dockerfile has an unknown step: ${line}`);
      return { instruction, text: rest };
    });
}

/** Takes a `COPY` apart. Wildcards and options that are not known are refused, as they would not be understood. */
export function readCopy({ text }: Step): Copy {
  const words = text.split(/\s+/);
  const options = words.filter((word) => word.startsWith('--'));
  const from = options.find((option) => option.startsWith('--from='))?.slice('--from='.length);
  const paths = words.filter((word) => !word.startsWith('--'));
  const target = paths.pop();
  const unknown = options.some((option) => !option.startsWith('--from='));
  if (
    unknown ||
    target === undefined ||
    paths.length === 0 ||
    paths.some((at) => /[*?[]/.test(at))
  ) {
    throw new Error(`a COPY that is not understood: ${text}`);
  }
  return { from: from ?? null, sources: paths, target };
}

/** What a source of a `COPY` brings of these files: the paths below it, or itself (`''`). */
export function broughtBy(source: string, files: readonly string[]): string[] {
  const path = source.replace(/^\.?\//, '').replace(/\/$/, '');
  return files
    .filter((file) => file === path || file.startsWith(`${path}/`))
    .map((file) => file.slice(path.length + 1));
}

/** Whether the build is given a file, by the rules of an ignore file as BuildKit has them. */
export function readIgnoreFile(text: string): (path: string) => boolean {
  const rules = ignoreFile.default({ ignorecase: false }).add(text);
  return (path) => !rules.ignores(path);
}

/** Folders that are made, or whose size says nothing. */
const NOT_OURS = new Set(['.git', 'node_modules', 'dist', '.mandate']);

/** The files of this checkout, by their paths in it, but for what is installed or built in it. */
export function filesOfCheckout(folder = ''): string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (NOT_OURS.has(entry.name)) return [];
    return entry.isDirectory() ? filesOfCheckout(path) : [path];
  });
}

/** The Dockerfile of this checkout, and which files its build is given. */
export function readDockerfile(): { readonly stages: Stage[]; readonly given: string[] } {
  const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');
  const isGiven = readIgnoreFile(read('docker/Dockerfile.dockerignore'));
  return {
    stages: readStages(read('docker/Dockerfile')),
    given: filesOfCheckout().filter(isGiven),
  };
}
