import { expect, test } from 'vitest';
import { Link, NoAnswer, Topic } from './link.js';

const DOUBLE = new Topic<number, number>('double');
const NOTE = new Topic<string, void>('note');

/** Two ends of a channel, and what has gone over it. */
function pair() {
  const sent: object[] = [];
  const put = (to: () => Link) => (message: object) => {
    sent.push(message);
    queueMicrotask(() => to().receive(structuredClone(message)));
  };
  const one: Link = new Link(put(() => other));
  const other: Link = new Link(put(() => one));
  return { one, other, sent };
}

test('either end asks, and each question has its own answer', async () => {
  const { one, other } = pair();
  let give: (answer: number) => void = () => {};
  const late = new Promise<number>((resolve) => (give = resolve));
  other.answer(DOUBLE, (n) => (n === 1 ? late : n * 2));
  one.answer(DOUBLE, (n) => n + n);
  const first = one.ask(DOUBLE, 1);
  expect(await one.ask(DOUBLE, 2)).toBe(4);
  expect(await other.ask(DOUBLE, 3)).toBe(6);
  give(7);
  expect(await first).toBe(7);
});

test('what is told is not answered', async () => {
  const { one, other, sent } = pair();
  const told: string[] = [];
  other.answer(NOTE, (text) => void told.push(text));
  one.tell(NOTE, 'x');
  await expect.poll(() => told).toEqual(['x']);
  expect(sent).toHaveLength(1);
});

test('what fails there, or is not known there, has no answer', async () => {
  const { one, other } = pair();
  await expect(one.ask(DOUBLE, 1)).rejects.toThrow(NoAnswer);
  other.answer(DOUBLE, () => {
    throw new Error('secret');
  });
  await expect(one.ask(DOUBLE, 1)).rejects.toThrow(NoAnswer);
  await expect(one.ask(DOUBLE, 1)).rejects.not.toThrow('secret');
});

test('nothing waits for a process that is gone', async () => {
  const { one, other, sent } = pair();
  other.answer(DOUBLE, () => new Promise<number>(() => {}));
  const asked = one.ask(DOUBLE, 1);
  one.close();
  await expect(asked).rejects.toThrow(NoAnswer);
  await expect(one.ask(DOUBLE, 1)).rejects.toThrow(NoAnswer);
  one.tell(NOTE, 'x');
  expect(sent).toHaveLength(1);
});

test.each([null, 'text', 7, {}, { cmd: 'x' }, { answers: 99, body: 1 }])(
  'messages of others are left alone: %j',
  (message) => {
    const { one, sent } = pair();
    one.receive(message);
    expect(sent).toEqual([]);
  },
);
