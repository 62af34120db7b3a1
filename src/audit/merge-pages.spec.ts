import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { AuditPage, AuditPart } from './audit-page.js';
import type { AuditedEvent } from './audited-event.js';
import { mergePages } from './merge-pages.js';

const idOf = (n: number) => String(n).padStart(4, '0');
const eventOf = (n: number): AuditedEvent => ({
  id: idOf(n),
  zoneId: '',
  writer: '',
  seq: 1,
  hash: '',
  previousHash: '',
  text: '',
});

/** What one place answers that has some events, and looks at a few of them at most. */
function pageOf(events: readonly number[], looked: number, { limit, after }: AuditPart): AuditPage {
  const left = events.map(eventOf).filter(({ id }) => after === undefined || id < after);
  const most = Math.min(limit, looked);
  const items = left.slice(0, most);
  const last = items.at(-1)?.id;
  return { items, ...(left.length > most && last !== undefined ? { next: last } : {}) };
}

const places = fc
  .uniqueArray(fc.tuple(fc.integer({ min: 1, max: 500 }), fc.integer({ min: 0, max: 3 })), {
    selector: ([n]) => n,
    maxLength: 60,
  })
  .map((all) =>
    [0, 1, 2, 3].map((place) =>
      all.flatMap(([n, at]) => (at === place ? [n] : [])).toSorted((a, b) => b - a),
    ),
  );

test('parts of what several places have are all of it, each once, the newest first', () => {
  fc.assert(
    fc.property(
      places,
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 1, max: 9 }),
      (all, limit, looked) => {
        const found: string[] = [];
        let after: string | undefined;
        do {
          const part: AuditPart = { limit, ...(after === undefined ? {} : { after }) };
          const page = mergePages(
            all.map((events) => pageOf(events, looked, part)),
            part,
          );
          expect(page.items.length).toBeLessThanOrEqual(limit);
          found.push(...page.items.map(({ id }) => id));
          after = page.next;
        } while (after !== undefined);
        expect(found).toEqual(
          all
            .flat()
            .toSorted((a, b) => b - a)
            .map(idOf),
        );
      },
    ),
  );
});

test('what is left out is left out of all of it', () => {
  fc.assert(
    fc.property(
      places,
      fc.integer({ min: 1, max: 9 }),
      fc.nat({ max: 9 }),
      (all, limit, offset) => {
        const asked = { limit: offset + limit };
        const page = mergePages(
          all.map((events) => pageOf(events, 1_000, asked)),
          { limit, offset },
        );
        const sorted = all
          .flat()
          .toSorted((a, b) => b - a)
          .map(idOf);
        expect(page.items.map(({ id }) => id)).toEqual(sorted.slice(offset, offset + limit));
        expect(page.next !== undefined).toBe(sorted.length > offset + limit);
      },
    ),
  );
});
