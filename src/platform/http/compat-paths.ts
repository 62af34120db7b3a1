import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { isUuid } from '../../oauth/vocabulary.js';
import { COMPAT_ROUTES, type CompatSystem } from './compat-routes.js';
import { errorAnswer } from './error-answer.js';
import { sendError } from './error-body.js';
import type { Step } from './steps.js';
import { noteTarget } from './zone-hosts.js';

/** Finds the zone of a name. */
export interface ZoneNames {
  /**
   * @param name any text
   * @returns the id; `null` if there is no such zone
   * @throws if that cannot be found out now
   */
  find(name: string): Promise<string | null>;
}

interface Rewrite {
  readonly theirs: RegExp;
  /** Ours, before and after the zone; without one where there is none in it. */
  readonly ours: readonly [before: string, after?: string];
}

/** What the zone in a path stands for, and the target without it. */
interface Named {
  readonly name: string;
  readonly target: (zone: string) => string;
}

/** Paths of other systems as they are rewritten: `null` where none is. */
export class CompatPaths {
  private readonly rewrites: readonly Rewrite[];
  private readonly named = new WeakMap<object, Named>();

  /**
   * @param systems those whose paths are answered
   * @param defaultZone an id or a name; `null` for none, then paths that need one are not answered
   */
  constructor(
    systems: readonly CompatSystem[],
    private readonly defaultZone: string | null,
  ) {
    this.rewrites = systems.flatMap((system) =>
      COMPAT_ROUTES[system].map(([theirs, ours]) => rewriteOf(theirs, ours)),
    );
  }

  /** A listener that answers requests for their paths as those for ours. To be in front of all others. */
  before(next: RequestListener): RequestListener {
    if (this.rewrites.length === 0) return next;
    return (request, response) => {
      this.rewrite(request);
      next(request, response);
    };
  }

  /**
   * The step that finds the zones that are named in such paths: behind the bounds of requests in flight, since it asks the
   * database. A name that no zone has stays, and is answered as an id that no zone has.
   */
  readonly findZones =
    (names: ZoneNames): Step =>
    (request, response, next) => {
      const named = this.named.get(request);
      if (named === undefined) {
        next();
        return;
      }
      const find = async (): Promise<void> => {
        try {
          const zoneId = await names.find(named.name);
          if (zoneId !== null) request.url = named.target(zoneId);
        } catch (error) {
          refuse(error, request, response);
          return;
        }
        next();
      };
      void find();
    };

  private rewrite(request: IncomingMessage): void {
    const { url = '' } = request;
    const start = url.indexOf('?');
    const [path, query] = start < 0 ? [url, ''] : [url.slice(0, start), url.slice(start)];
    for (const { theirs, ours } of this.rewrites) {
      const match = theirs.exec(path);
      if (match === null) continue;
      const [before, after] = ours;
      if (after === undefined) {
        noteTarget(request);
        request.url = before + query;
        return;
      }
      const zone = match[1] === undefined ? this.defaultZone : decoded(match[1]);
      if (zone === null) return;
      const target = (id: string): string => before + encodeURIComponent(id) + after + query;
      noteTarget(request);
      request.url = target(zone);
      if (!isUuid(zone)) this.named.set(request, { name: zone, target });
      return;
    }
  }
}

/** Answers what has gone wrong in front of the framework as it would be answered in it. */
function refuse(thrown: unknown, request: IncomingMessage, response: ServerResponse): void {
  const { status, body, headers } = errorAnswer(thrown, request, () => []);
  const { error, error_description: description } = body;
  sendError(request, response, {
    status,
    error: String(error),
    description: String(description),
    headers,
  });
}

function rewriteOf(theirs: string, ours: string): Rewrite {
  const [before = '', after] = ours.split(':zone');
  const pattern = theirs.replaceAll('.', '\\.').replace(':zone', '([^/]+)');
  return {
    theirs: new RegExp(`^${pattern}$`),
    ours: after === undefined ? [before] : [before, after],
  };
}

/** A segment of a path, decoded; `null` if that is no percent-encoding. */
function decoded(segment: string): string | null {
  try {
    return decodeURIComponent(segment);
  } catch {
    return null;
  }
}
