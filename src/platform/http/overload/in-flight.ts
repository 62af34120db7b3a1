import type { IncomingMessage } from 'node:http';
import type { ArrivingBodies } from './arriving-bodies.js';
import { REQUEST_TIMEOUT_MS } from '../../config/time-limits.js';
import { Overloaded, type OverloadReason } from './overloaded.js';
import type { Place } from './places.js';
import { KeptOn } from '../../kept-on.js';

/** The bounds that a request was admitted within. */
export interface Admission {
  readonly place: Place;
  /** Milliseconds from the arrival within which it is answered, whatever the database does, unless its route takes longer. */
  readonly withinMs: number;
  readonly bodies: ArrivingBodies;
  /** Counts a request that was given up. */
  readonly count: (reason: OverloadReason) => void;
  /** Has the connection closed behind the answer. */
  readonly closeAfterAnswer: () => void;
}

/** How a caller has shown who it is; a gateway speaks for the client that it names. */
export type CallerKind = 'client' | 'workload' | 'gateway' | 'session' | 'operator';

/** Whom a request is of. */
export interface RequestCaller {
  /** `null` where an operator asks for nothing of a zone. */
  readonly zone: string | null;
  /** `null` for an operator. */
  readonly client: string | null;
  /** `null` for a client that a request names and nothing has proved. */
  readonly by: CallerKind | null;
}

/**
 * A request between its arrival and its answer: how long there is until its deadline, whether a caller still waits for
 * the answer, and its place among those that are worked on.
 */
export class InFlight {
  private readonly since = performance.now();
  private within: number;
  private waitedMs = 0;
  private waitingSince: number | null = null;
  private over: 'answered' | 'gone' | null = null;
  private knownCaller: RequestCaller | null = null;

  /** @param admission `null` for a request that came past the bounds, such as a probe */
  constructor(private readonly admission: Admission | null) {
    this.within = admission?.withinMs ?? REQUEST_TIMEOUT_MS;
  }

  /**
   * Milliseconds until the deadline, which counts from the arrival of the head. The time that the caller takes to
   * send the body is not counted; the listener limits that.
   */
  get msLeft(): number {
    const now = performance.now();
    const waited = this.waitedMs + (this.waitingSince === null ? 0 : now - this.waitingSince);
    return this.since + this.within + waited - now;
  }

  /**
   * Sets a later deadline; an earlier one changes nothing.
   *
   * @param ms from the arrival; as a function of those that there usually are
   */
  answerWithin(ms: number | ((usualMs: number) => number)): void {
    this.within = Math.max(this.within, typeof ms === 'function' ? ms(this.within) : ms);
  }

  /** Notes that it was answered, or that the caller has gone: whatever is still done for it is wasted. */
  end(how: 'answered' | 'gone'): void {
    this.over = how;
    this.admission?.place.giveBack();
  }

  /** Why the answer is not waited for any more; `null` if it is waited for. */
  get abandoned(): OverloadReason | null {
    if (this.over === 'gone') return 'caller_gone';
    // It is only the deadline that answers a request which is still worked on.
    return this.over === 'answered' || this.msLeft <= 0 ? 'deadline' : null;
  }

  /** @throws {Overloaded} if the answer is not waited for any more */
  expectAnswer(): void {
    const { abandoned } = this;
    if (abandoned !== null) throw this.giveUp(abandoned);
  }

  /** Whom the request is of, as far as that is known by now; `null` if it is not. */
  get caller(): RequestCaller | null {
    return this.knownCaller;
  }

  /** Notes an operator, who asks for nothing of a zone. */
  noteOperator(): void {
    this.knownCaller = { zone: null, client: null, by: 'operator' };
  }

  /** Notes the client that a request names, which exists, while nothing has proved that the request is of it. */
  noteClaim(zone: string, client: string): void {
    if ((this.knownCaller?.by ?? null) === null) this.knownCaller = { zone, client, by: null };
  }

  /**
   * Counts the request for the zone and the client that it has proved to be of, so that neither gets all places, and
   * notes them for its log line.
   *
   * @param clientId `null` for an operator, who is no client
   * @param by how that was proved
   * @throws {Overloaded} if one of them has its share
   */
  countFor(zoneId: string, clientId: string | null, by: CallerKind): void {
    this.knownCaller = { zone: zoneId, client: clientId, by };
    const enough = this.admission?.place.countFor(zoneId, clientId) ?? null;
    if (enough !== null) throw this.giveUp(enough);
  }

  /** Gives back the place among those that are worked on: it waits from now on, within a bound of what it waits for. */
  leavePlace(): void {
    this.admission?.place.giveBack();
  }

  /** Has the connection closed behind the answer, since not all of the request was read. */
  closeAfterAnswer(): void {
    this.admission?.closeAfterAnswer();
  }

  /**
   * Notes that the body is awaited. Meanwhile the request has no place among those that are worked on.
   *
   * @param giveWay called if too many bodies are awaited, and this one for longest
   * @returns counts bytes that have come
   */
  beginBody(giveWay: (error: Overloaded) => void): { grew(bytes: number): void; over(): void } {
    this.waitingSince = performance.now();
    this.admission?.place.giveBack();
    const arrival = this.admission?.bodies.begin(() => giveWay(this.giveUp('bodies')));
    return {
      grew: (bytes) => arrival?.grew(bytes),
      over: () => {
        if (this.waitingSince !== null) this.waitedMs += performance.now() - this.waitingSince;
        this.waitingSince = null;
        arrival?.over();
      },
    };
  }

  /**
   * Takes a place again, now that the body is there.
   *
   * @throws {Overloaded} if there is none
   */
  resume(): void {
    this.expectAnswer();
    const full = this.admission?.place.take() ?? null;
    if (full !== null) throw this.giveUp(full);
  }

  private giveUp(reason: OverloadReason): Overloaded {
    this.admission?.count(reason);
    return new Overloaded(reason);
  }
}

const all = new KeptOn<InFlight>('in flight');

/** Begins to follow a request. */
export function putInFlight(request: IncomingMessage, admission: Admission | null): InFlight {
  const inFlight = new InFlight(admission);
  all.set(request, inFlight);
  return inFlight;
}

/** What is known of a request in flight. One that was not admitted is followed from now on, without bounds. */
export function inFlightOf(request: IncomingMessage): InFlight {
  return all.get(request) ?? putInFlight(request, null);
}
