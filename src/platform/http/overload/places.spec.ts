import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Places, type Place } from './places.js';

/** Takes a place for a client of a zone. @returns why not, or `null` */
function ask(places: Places, zone: string, client: string, address = 'a'): string | null {
  const place = places.place(['address', address]);
  return place.take() ?? place.countFor(zone, client);
}

test('there are so many, and no more', () => {
  const places = new Places(3, 1_800);
  const all = Array.from({ length: 4 }, () => places.place(null));
  expect(all.map((place) => place.take())).toEqual([null, null, null, 'requests']);
  all[0]?.giveBack();
  all[0]?.giveBack();
  expect(places.inFlight).toBe(2);
  expect(all[3]?.take()).toBeNull();
});

describe('a caller who floods', () => {
  test('gets half, as an address or a zone, and a third as one client', () => {
    const addresses = new Places(512, 1_800);
    const one = Array.from({ length: 600 }, () => addresses.place(['address', 'a']).take());
    expect(one.filter((refused) => refused === null)).toHaveLength(256);
    const clients = new Places(512, 1_800);
    const same = Array.from({ length: 600 }, () => ask(clients, 'z', 'c'));
    expect(same.filter((refused) => refused === null)).toHaveLength(170);
    const zones = new Places(512, 1_800);
    const many = Array.from({ length: 600 }, (_, n) => ask(zones, 'z', `c${n}`));
    expect(many.filter((refused) => refused === null)).toHaveLength(256);
  });

  test('always leaves a place for a zone that has none, and gives all of them back', () => {
    const requests = fc.array(
      fc.record({
        zone: fc.constantFrom('x', 'y'),
        client: fc.constantFrom('1', '2'),
        leaves: fc.boolean(),
      }),
      { maxLength: 300 },
    );
    fc.assert(
      fc.property(fc.integer({ min: 8, max: 64 }), requests, (size, asked) => {
        const places = new Places(size, 1_800);
        const taken: Place[] = [];
        for (const { zone, client, leaves } of asked) {
          if (leaves) taken.shift()?.giveBack();
          const place = places.place(['address', 'proxy']);
          if (place.take() === null && place.countFor(zone, client) === null) taken.push(place);
        }
        expect(ask(places, 'another', 'client', 'elsewhere')).toBeNull();
        for (const place of taken) place.giveBack();
        expect(places.inFlight).toBe(1);
      }),
    );
  });

  test('is not counted for the address any more when it is known who it is', () => {
    const places = new Places(16, 1_800);
    for (let n = 0; n < 8; n += 1) expect(ask(places, `z${n}`, `c${n}`, 'proxy')).toBeNull();
    expect(places.place(['address', 'proxy']).take()).toBeNull();
  });

  test('is counted again as before when it comes back for its place', () => {
    const places = new Places(8, 1_800);
    const held = Array.from({ length: 2 }, () => places.place(['address', 'a']));
    for (const place of held) {
      place.take();
      place.countFor('z', 'c');
      place.giveBack();
    }
    expect(held.map((place) => place.take())).toEqual([null, null]);
    expect(ask(places, 'z', 'c')).toBe('client');
  });
});

describe('an event loop that is late', () => {
  test('halves what is open, down to an eighth, and lets it grow back', () => {
    const places = new Places(64, 1_800);
    const limits = [500, 500, 500, 500, 500].map((delay) => {
      places.adapt(delay, null);
      return places.limit;
    });
    expect(limits).toEqual([32, 16, 8, 8, 8]);
    const taken = Array.from({ length: 9 }, () => places.place(null).take());
    expect(taken).toEqual([...Array<null>(8).fill(null), 'event_loop']);
    for (let n = 0; n < 14; n += 1) places.adapt(0, null);
    expect(places.limit).toBe(64);
  });

  test('leaves one that floods half of what is open, and others find room', () => {
    const places = new Places(64, 1_800);
    for (let n = 0; n < 2; n += 1) places.adapt(500, null);
    expect(places.limit).toBe(16);
    const flood = Array.from({ length: 40 }, () => places.place(['address', 'a']).take());
    expect(flood.filter((refused) => refused === null)).toHaveLength(8);
    expect(ask(places, 'z', 'c', 'b')).toBeNull();
  });

  test('leaves everybody that finds a place one, when fewer are open than are taken', () => {
    const places = new Places(64, 1_800);
    const taken = Array.from({ length: 32 }, () => places.place(['address', 'a']));
    expect(taken.map((place) => place.take())).toEqual(Array(32).fill(null));
    for (let n = 0; n < 3; n += 1) places.adapt(500, null);
    expect(ask(places, 'z', 'c', 'b')).toBe('event_loop');
    for (const place of taken.slice(0, 25)) place.giveBack();
    expect(places.place(['address', 'a']).take()).toBe('address');
    expect(ask(places, 'z', 'c', 'b')).toBeNull();
  });

  test('takes nothing from those who are under way, when they turn out to be of one zone and client', () => {
    const places = new Places(64, 1_800);
    const taken = Array.from({ length: 16 }, (_, n) => places.place(['address', `a${n}`]));
    expect(taken.map((place) => place.take())).toEqual(Array(16).fill(null));
    for (let n = 0; n < 3; n += 1) places.adapt(500, null);
    expect(places.limit).toBeLessThan(places.inFlight);
    expect(taken.map((place) => place.countFor('z', 'c'))).toEqual(Array(16).fill(null));
    expect(places.inFlight).toBe(16);
    expect(ask(places, 'z', 'c', 'b')).toBe('event_loop');
  });

  test('that is late by little changes nothing', () => {
    const places = new Places(64, 1_800);
    places.adapt(90, null);
    expect(places.limit).toBe(64);
  });
});

describe('requests that begin slowly', () => {
  test('are as many as begin within a second and a half, and a quarter at least', () => {
    const places = new Places(512, 1_800);
    const limits = [0.5, 5, 10, 100, 5_000].map((pace) => {
      places.adapt(0, pace);
      return places.limit;
    });
    expect(limits).toEqual([512, 300, 150, 128, 128]);
    places.adapt(0, null);
    expect(places.limit).toBe(160);
    places.adapt(0, 10);
    expect(places.limit).toBe(150);
  });

  test('leave one that floods half of these places, and others find room', () => {
    const places = new Places(512, 1_800);
    places.adapt(0, 10);
    const flood = Array.from({ length: 100 }, () => places.place(['address', 'a']).take());
    expect(flood.filter((refused) => refused === null)).toHaveLength(75);
    expect(ask(places, 'z', 'c', 'b')).toBeNull();
  });
});
