import { Topic, type Link } from '../platform/workers/link.js';
import { isTooOld, type CheckTimes } from './background-checks.js';

/** What a check of a worker found: what may be said of it to any caller. */
export interface Finding {
  /** What is wrong; `null` if nothing. */
  readonly down: string | null;
  /** Zones of which something cannot be used, where it is about zones. */
  readonly brokenZones?: number;
}

/** What each check found. */
export type Findings = Readonly<Record<string, Finding>>;

/** What a worker has found; `null` when it takes no more requests. */
export const FOUND = new Topic<Findings | null, void>('readiness');
/** What another worker has found. */
export const FOUND_BY = new Topic<
  { readonly worker: number; readonly findings: Findings | null },
  void
>('readiness of a worker');

/** What all workers that take requests have found, as one of them knows it. */
export class WorkerReadiness {
  private readonly others = new Map<number, { readonly at: number; readonly findings: Findings }>();

  /** @param times of the checks: who says nothing for too long cannot serve */
  constructor(
    private readonly primary: Link,
    private readonly times: CheckTimes,
  ) {
    primary.answer(FOUND_BY, ({ worker, findings }) => {
      if (findings === null) this.others.delete(worker);
      else this.others.set(worker, { at: performance.now(), findings });
    });
  }

  /** Tells the others what was found here. */
  tell(findings: Findings | null): void {
    this.primary.tell(FOUND, findings);
  }

  /** How many workers take requests, this one included. */
  get count(): number {
    return this.others.size + 1;
  }

  /** What holds of all: a check passes if it does in every worker. */
  ofAll(own: Findings): Findings {
    const others = [...this.others]
      .toSorted(([one], [other]) => one - other)
      .map(([, { at, findings }]) => (isTooOld(at, this.times) ? SILENT : findings));
    const all = [own, ...others];
    const names = new Set(all.flatMap((findings) => Object.keys(findings)));
    return Object.fromEntries([...names].map((name) => [name, worst(all, name)]));
  }
}

const SILENT: Findings = { workers: { down: 'a worker does not answer' } };

function worst(all: readonly Findings[], name: string): Finding {
  const found = all.flatMap((findings) => findings[name] ?? []);
  const down = found.map((one) => one.down).filter((text) => text !== null);
  const broken = found.flatMap(({ brokenZones }) => brokenZones ?? []);
  return {
    down: down.toSorted()[0] ?? null,
    ...(broken.length === 0 ? {} : { brokenZones: Math.max(...broken) }),
  };
}

/** Whether everything that was found is as it should be. */
export function isFine(findings: Findings): boolean {
  return Object.values(findings).every(({ down }) => down === null);
}
