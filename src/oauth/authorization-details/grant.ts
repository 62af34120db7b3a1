import { problemOfDetail } from './conform.js';
import {
  detailsBytes,
  MAX_DETAILS,
  MAX_DETAILS_BYTES,
  textsOf,
  type AuthorizationDetail,
  type DetailsProblem,
} from './detail.js';
import type { DetailType } from './detail-type.js';
import { isNoWider, matches } from './narrow.js';

/** A resource that is asked for, as far as details are concerned. */
export interface DetailTarget {
  readonly identifier: string;
  readonly detailTypes: readonly DetailType[];
}

/** What details are granted from. */
export interface DetailsRequest {
  /** What the request names; none if it names nothing. */
  readonly asked: readonly AuthorizationDetail[];
  /** What the subject token carries; none if that is confined by none. */
  readonly presented: readonly AuthorizationDetail[];
  readonly targets: readonly DetailTarget[];
  /** The scope that is granted beside. */
  readonly scope: readonly string[];
}

/**
 * The details of a mandate: never wider than what was presented (RFC 9396 6.1, and the law of scopes).
 *
 * What the request names has to be declared by a resource that it is for. Where the subject token carries details, each that
 * the request names has to be within one of them, no two within the same, and what the request does not name of other types
 * goes on as it is: to leave it out would widen what the scope is good for. Where it carries none, nothing confines what may
 * be named but the scope that a type goes with, and policy.
 */
export function grantDetails(
  request: DetailsRequest,
): readonly AuthorizationDetail[] | DetailsProblem {
  const { asked, presented, targets } = request;
  const named = new Set(asked.map(({ type }) => type));
  const carried = presented.filter(({ type }) => !named.has(type));
  const granted = [...asked, ...carried];
  const problem =
    problemOfAsked(request) ??
    problemOfCarried(carried, targets) ??
    (presented.length === 0 ? null : problemOfNarrowing(request)) ??
    problemOfPlaces(granted, targets) ??
    problemOfSize(granted);
  return problem === null ? granted : { problem };
}

function problemOfAsked({ asked, targets, scope }: DetailsRequest): string | null {
  for (const detail of asked) {
    const declaring = targets.filter((target) => typeAt(target, detail) !== undefined);
    if (declaring.length === 0) return 'a type is unknown to the resources';
    const locations = textsOf(detail, 'locations') ?? [];
    if (!locations.every((name) => declaring.some(({ identifier }) => identifier === name))) {
      return `${detail.type}: locations has a resource that is not asked for, or does not know the type`;
    }
    for (const { detailTypes } of placesOf(detail, targets)) {
      const declared = detailTypes.find(({ type }) => type === detail.type);
      if (declared === undefined) continue;
      if (declared.scope !== undefined && !scope.includes(declared.scope)) {
        return `${detail.type}: it goes with the scope ${declared.scope}`;
      }
      const problem = problemOfDetail(detail, declared);
      if (problem !== null) return `${detail.type}: ${problem}`;
    }
  }
  return null;
}

/** What goes on unnamed has to be right where it is for, also if that declares the type otherwise by now. */
function problemOfCarried(
  carried: readonly AuthorizationDetail[],
  targets: readonly DetailTarget[],
): string | null {
  for (const detail of carried) {
    for (const target of placesOf(detail, targets)) {
      const declared = typeAt(target, detail);
      const problem = declared === undefined ? null : problemOfDetail(detail, declared);
      if (problem !== null) return `${detail.type} of the subject_token: ${problem}`;
    }
  }
  return null;
}

function problemOfNarrowing({ asked, presented, targets }: DetailsRequest): string | null {
  for (const type of new Set(asked.map((detail) => detail.type))) {
    const [inner, outer] = [asked, presented].map((all) => all.filter((one) => one.type === type));
    if (inner === undefined || outer === undefined) continue;
    const isWithin = (one: number, other: number): boolean => {
      const [narrow, wide] = [inner[one], outer[other]];
      return narrow !== undefined && wide !== undefined && isWithinAt(narrow, wide, targets);
    };
    if (!matches(inner.length, outer.length, isWithin)) {
      return `${type}: more than what the subject_token carries`;
    }
  }
  return null;
}

function isWithinAt(
  inner: AuthorizationDetail,
  outer: AuthorizationDetail,
  targets: readonly DetailTarget[],
): boolean {
  const places = placesOf(inner, targets);
  // Without places of its own it would be for more resources than these, as soon as it is exchanged for others.
  const [wanted, allowed] = [inner, outer].map((detail) => textsOf(detail, 'locations'));
  if (allowed && wanted?.every((name) => allowed.includes(name)) !== true) return false;
  return places.every((target) => {
    const declared = typeAt(target, inner);
    return declared === undefined || isNoWider(inner, outer, declared);
  });
}

/**
 * A resource that knows a type of which there are details, and for which none of these is, would take the scope for
 * everything: such a mandate would be confined at one resource and not at the other.
 */
function problemOfPlaces(
  granted: readonly AuthorizationDetail[],
  targets: readonly DetailTarget[],
): string | null {
  for (const { identifier, detailTypes } of targets) {
    for (const { type } of detailTypes) {
      const ofType = granted.filter((detail) => detail.type === type);
      const isHere = ofType.some((detail) => isFor(detail, identifier));
      if (ofType.length > 0 && !isHere) {
        return `${type}: locations leave out a resource that is asked for and knows the type`;
      }
    }
  }
  return null;
}

function problemOfSize(granted: readonly AuthorizationDetail[]): string | null {
  if (granted.length > MAX_DETAILS) return `more than ${MAX_DETAILS} details`;
  return detailsBytes(granted) > MAX_DETAILS_BYTES ? `more than ${MAX_DETAILS_BYTES} bytes` : null;
}

/** Whether a detail is for a resource: for all that it comes with, if it does not say. */
export function isFor(detail: AuthorizationDetail, identifier: string): boolean {
  return textsOf(detail, 'locations')?.includes(identifier) !== false;
}

/** What a resource declares of the type of a detail. */
export function typeAt(
  { detailTypes }: DetailTarget,
  { type }: AuthorizationDetail,
): DetailType | undefined {
  return detailTypes.find((declared) => declared.type === type);
}

/** The resources that declare the type of a detail, and that it is for. */
export function placesOf<T extends DetailTarget>(
  detail: AuthorizationDetail,
  targets: readonly T[],
): readonly T[] {
  return targets.filter(
    (target) => typeAt(target, detail) !== undefined && isFor(detail, target.identifier),
  );
}
