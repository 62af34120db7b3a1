import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import ts from 'typescript';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** The verifier of docs/revocation-feed.md. */
export interface OfflineVerifier {
  keep(stop: AbortSignal): Promise<void>;
  verify(token: string): Promise<Record<string, unknown>>;
}

type Make = new (
  zone: string,
  issuer: string,
  resource: string,
  authorization: string,
) => OfflineVerifier;

/** Loads the verifier exactly as it stands on the page. @returns how to make one, and how to remove what was loaded */
export async function loadOfflineVerifier(): Promise<{ Verifier: Make; remove: () => void }> {
  const page = readFileSync(join(ROOT, 'docs/revocation-feed.md'), 'utf8');
  const text = /^```ts verifier\n(.*?)^```$/ms.exec(page)?.[1];
  if (text === undefined) throw new Error('the page has no verifier');
  const { outputText } = ts.transpileModule(text, {
    compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext },
  });
  const directory = mkdtempSync(join(tmpdir(), 'mandate-verifier-'));
  symlinkSync(join(ROOT, 'node_modules'), join(directory, 'node_modules'));
  const file = join(directory, 'verifier.mjs');
  writeFileSync(file, outputText);
  const { OfflineVerifier: Verifier } = (await import(pathToFileURL(file).href)) as {
    OfflineVerifier: Make;
  };
  return { Verifier, remove: () => rmSync(directory, { recursive: true }) };
}
