import { setImmediate as nextTurn } from 'node:timers/promises';
import { beforeEach, expect, test } from 'vitest';
import { JoinedReads } from './joined-reads.js';

/** The statements that are under way, in the order in which they began. */
let statements: {
  questions: readonly number[];
  answer: () => void;
  fail: (error: Error) => void;
}[];
let reads: JoinedReads<number, string>;

beforeEach(() => {
  statements = [];
  reads = new JoinedReads(
    (questions) =>
      new Promise((resolve, reject) => {
        const answer = () => resolve(questions.map((question) => `answer ${question}`));
        statements.push({ questions, answer, fail: reject });
      }),
    { joined: 3, waiting: 5 },
  );
});

const ask = (question: number) => reads.ask(String(question), question);
/** A statement begins in the turn after the one in which it is due. */
const settle = async (): Promise<void> => {
  await nextTurn();
  await nextTurn();
};

const asked = () => statements.map(({ questions }) => questions);

test('those of one turn go at once, and those that come meanwhile go together', async () => {
  const first = [1, 2].map(ask);
  await settle();
  expect(asked()).toEqual([[1, 2]]);
  const later = [3, 4, 5, 6].map(ask);
  await settle();
  expect(asked()).toEqual([[1, 2]]);
  for (let n = 0; n < 3; n += 1) {
    statements[n]?.answer();
    await settle();
  }
  expect(asked()).toEqual([[1, 2], [3, 4, 5], [6]]);
  expect(await Promise.all([...first, ...later])).toEqual(
    [1, 2, 3, 4, 5, 6].map((n) => `answer ${n}`),
  );
});

test('what is asked twice is read once, but never by a statement that had begun before', async () => {
  const first = ask(1);
  await settle();
  const [second, third] = [ask(1), ask(1)];
  statements[0]?.answer();
  await settle();
  expect(statements.map(({ questions }) => questions)).toEqual([[1], [1]]);
  statements[1]?.answer();
  expect(await Promise.all([first, second, third])).toEqual(['answer 1', 'answer 1', 'answer 1']);
});

test('a statement that fails fails those that it was for, and no others', async () => {
  const first = ask(1);
  await settle();
  const second = ask(2);
  statements[0]?.fail(new Error('away'));
  await expect(first).rejects.toThrow('away');
  await settle();
  statements[1]?.answer();
  expect(await second).toBe('answer 2');
});

test('no more wait than there is room for', async () => {
  const room = [1, 2, 3, 4, 5].map(ask);
  await expect(ask(6)).rejects.toMatchObject({ code: 'temporarily_unavailable' });
  for (let n = 0; n < 2; n += 1) {
    await settle();
    statements[n]?.answer();
  }
  expect(await Promise.all(room)).toHaveLength(5);
});

test('fewer answers than questions are an error of all', async () => {
  const short = new JoinedReads<number, string>(() => Promise.resolve([]), {
    joined: 3,
    waiting: 5,
  });
  await expect(short.ask('1', 1)).rejects.toThrow('not as many answers');
});
