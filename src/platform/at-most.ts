/** Options of an `LRUCache` with room for so many entries. */
export interface Room {
  readonly maxSize: number;
  readonly sizeCalculation: () => number;
}

/**
 * Room for so many entries, taken as they come: an `LRUCache` that is given `max` takes the room of all of them
 * when it is made, which for tens of thousands is milliseconds of each start.
 */
export function atMost(entries: number): Room {
  return { maxSize: entries, sizeCalculation: () => 1 };
}
