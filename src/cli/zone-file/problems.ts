/** Where something is in a zone file: member names and positions, from the document down. */
export type Path = readonly (string | number)[];

/** What is wrong with a zone file, each with its line and column. Nothing has been asked of the API then. */
export class WrongZoneFile extends Error {
  override readonly name = 'WrongZoneFile';

  /** @param problems such as `zone.yaml:3:5: resources[0].scope: no such field; did you mean scopes?` */
  constructor(readonly problems: readonly string[]) {
    super(problems.join('\n'));
  }
}

/** A place as people write it: `clients[2].jwks_uri`. */
export function writePath(path: Path): string {
  return path
    .map((step, n) => (typeof step === 'number' ? `[${step}]` : `${n === 0 ? '' : '.'}${step}`))
    .join('');
}
