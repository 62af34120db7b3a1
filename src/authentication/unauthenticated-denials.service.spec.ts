import { Counter, Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { UnauthenticatedDenials } from './unauthenticated-denials.service.js';

function denials(unauthenticatedRecords: { ofAddress: number; ofZone: number; inAll: number }) {
  const counter = new Counter({
    name: 'unrecorded',
    help: 'counts',
    labelNames: ['bound'],
    registers: [new Registry()],
  });
  const ration = new UnauthenticatedDenials({ unauthenticatedRecords }, counter);
  const recorded = async (times: number, zone: string, source: (n: number) => string) => {
    let count = 0;
    for (let n = 0; n < times; n += 1) if (await ration.mayRecord(zone, source(n))) count += 1;
    return count;
  };
  const unrecorded = async () => {
    const { values } = await counter.get();
    return Object.fromEntries(values.map(({ labels, value }) => [labels.bound, value]));
  };
  return { ration, recorded, unrecorded };
}

const address = (n: number) => `198.51.${n >> 8}.${n & 255}`;

test('records so many of one address in one zone, and counts the rest', async () => {
  const { recorded, unrecorded } = denials({ ofAddress: 5, ofZone: 100, inAll: 1_000 });
  expect(await recorded(1_000, 'a', () => address(1))).toBe(5);
  expect(await unrecorded()).toEqual({ address: 995 });
  // What one stranger does from one address, in one zone, hides nobody else.
  expect(await recorded(10, 'a', () => address(2))).toBe(5);
  expect(await recorded(10, 'b', () => address(1))).toBe(5);
});

test('takes all that one holder of an IPv6 network has for one address', async () => {
  const { recorded } = denials({ ofAddress: 5, ofZone: 100, inAll: 1_000 });
  expect(await recorded(50, 'a', (n) => `2001:db8:1:2:${n}::1`)).toBe(5);
  expect(await recorded(50, 'a', (n) => `2001:db8:1:3:${n}::1`)).toBe(5);
});

test('records so many of one zone from however many addresses, and leaves other zones theirs', async () => {
  const { recorded, unrecorded } = denials({ ofAddress: 5, ofZone: 20, inAll: 1_000 });
  expect(await recorded(500, 'a', address)).toBe(20);
  expect(await unrecorded()).toEqual({ zone: 480 });
  expect(await recorded(500, 'b', address)).toBe(20);
});

test('records so many in all', async () => {
  const { ration, unrecorded } = denials({ ofAddress: 5, ofZone: 20, inAll: 50 });
  let recorded = 0;
  for (let n = 0; n < 500; n += 1) {
    if (await ration.mayRecord(`zone ${n}`, address(n))) recorded += 1;
  }
  expect(recorded).toBe(50);
  expect(await unrecorded()).toEqual({ total: 450 });
});
