/** The oldest version of Node.js that the program runs on; `engines` of package.json says the same. */
export const LEAST_NODE = '20.19';

/** The exit code for what no other start can mend, before something else is given (`EX_CONFIG` of sysexits). */
const EX_CONFIG = 78;

/**
 * Ends the process with a sentence if its Node.js is too old. Each program asks this first, and loads the rest
 * afterwards: where Node is too old, to load that fails, by an error that does not say why.
 *
 * @param version that of the process
 */
export function refuseOldNode(version: string = process.versions.node): void {
  if (isSupported(version)) return;
  process.stderr.write(
    `Mandate needs Node.js ${LEAST_NODE} or newer, and this is ${version}: install a newer one (https://nodejs.org)\n`,
  );
  process.exit(EX_CONFIG);
}

/** Whether the program runs on a version of Node.js, such as `20.19.0`. */
export function isSupported(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [leastMajor = 0, leastMinor = 0] = LEAST_NODE.split('.').map(Number);
  return major > leastMajor || (major === leastMajor && minor >= leastMinor);
}
