import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readTraceContext, traceHeaders, writeTraceparent } from './trace-context.js';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SPAN = 'b7ad6b7169203331';
const GOOD = `00-${TRACE}-${SPAN}-01`;

describe('traceparent', () => {
  test('says the trace, the parent, and whether it is sampled', () => {
    const trace = { traceId: TRACE, spanId: SPAN, state: null };
    expect(readTraceContext(GOOD)).toEqual({ ...trace, sampled: true });
    expect(readTraceContext(`00-${TRACE}-${SPAN}-00`)).toEqual({ ...trace, sampled: false });
    // Only one flag has a meaning; the others are not passed on.
    expect(readTraceContext(`00-${TRACE}-${SPAN}-fe`)).toEqual({ ...trace, sampled: false });
    expect(readTraceContext(`00-${TRACE}-${SPAN}-ff`)).toEqual({ ...trace, sampled: true });
  });

  test('of a later version is read as far as it is known, and written as ours', () => {
    for (const text of [`01-${TRACE}-${SPAN}-01`, `fe-${TRACE}-${SPAN}-01-what-comes.later`]) {
      const trace = readTraceContext(text);
      expect(trace).toMatchObject({ traceId: TRACE, spanId: SPAN, sampled: true });
      expect(trace === null ? null : writeTraceparent(trace)).toBe(GOOD);
    }
  });

  test.each([
    ['', 'empty'],
    ['-', 'nothing'],
    [`ff-${TRACE}-${SPAN}-01`, 'version ff'],
    [`0-${TRACE}-${SPAN}-01`, 'a short version'],
    [`000-${TRACE}-${SPAN}-01`, 'a long version'],
    [`0A-${TRACE}-${SPAN}-01`, 'a version in capitals'],
    [`00-${'0'.repeat(32)}-${SPAN}-01`, 'no trace'],
    [`00-${TRACE}-${'0'.repeat(16)}-01`, 'no parent'],
    [`00-${TRACE.toUpperCase()}-${SPAN}-01`, 'capitals'],
    [`00-${TRACE.slice(1)}-${SPAN}-01`, 'a short trace'],
    [`00-${TRACE}0-${SPAN}-01`, 'a long trace'],
    [`00-${TRACE}-${SPAN.slice(1)}-01`, 'a short parent'],
    [`00-${TRACE}-${SPAN}-1`, 'short flags'],
    [`00-${TRACE}-${SPAN}-0x`, 'flags that are none'],
    [`00-${TRACE}-${SPAN}`, 'no flags'],
    [`${GOOD}-more`, 'more than version 00 has'],
    [`${GOOD}-`, 'a dash behind'],
    [`01-${TRACE}-${SPAN}-01more`, 'no dash before what is more'],
    [`01-${TRACE}-${SPAN}-01-${'x'.repeat(300)}`, 'too long'],
    [`${GOOD}\n`, 'a line end'],
    [` ${GOOD}`, 'a blank'],
    [`${GOOD}, ${GOOD}`, 'given twice'],
    [`${GOOD},`, 'a comma'],
    [`00-${TRACE}-${SPAN}-01\u0000`, 'NUL'],
  ])('%j is none: %s', (text) => {
    expect(readTraceContext(text, 'a=1')).toBeNull();
  });

  test('of a list is none', () => {
    expect(readTraceContext([GOOD])).toBeNull();
    expect(readTraceContext(undefined, 'a=1')).toBeNull();
  });

  test('as it is written is read as the same', () => {
    const hex = (length: number) =>
      fc
        .array(fc.constantFrom(...'0123456789abcdef'.split('')), {
          minLength: length,
          maxLength: length,
        })
        .map((digits) => digits.join(''))
        .filter((digits) => /[^0]/.test(digits));
    fc.assert(
      fc.property(hex(32), hex(16), fc.boolean(), (traceId, spanId, sampled) => {
        const trace = { traceId, spanId, sampled, state: null };
        expect(readTraceContext(writeTraceparent(trace))).toEqual(trace);
      }),
    );
  });

  test('is either understood whole or not at all, whatever it is', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (text, state) => {
        const trace = readTraceContext(text, state);
        expect(trace === null || /^00-[0-9a-f-]{52}$/.test(writeTraceparent(trace))).toBe(true);
      }),
    );
  });
});

describe('tracestate', () => {
  const stateOf = (text: string | readonly string[] | undefined) =>
    readTraceContext(GOOD, text)?.state;

  test.each([
    ['rojo=00f067aa0ba902b7', 'rojo=00f067aa0ba902b7'],
    ['rojo=1,congo=2', 'rojo=1,congo=2'],
    [' rojo=1 ,\tcongo=2, ', 'rojo=1,congo=2'],
    ['fw529a3039@dt=FfAAAA,a_b-c/d*e=x y', 'fw529a3039@dt=FfAAAA,a_b-c/d*e=x y'],
  ])('%j is passed on', (text, passed) => {
    expect(stateOf(text)).toBe(passed);
  });

  test.each([
    ['', 'empty'],
    [' , ', 'nothing but commas'],
    ['Rojo=1', 'a capital'],
    ['rojo', 'no value'],
    ['rojo=', 'an empty value'],
    ['=1', 'no key'],
    ['rojo=a=b', 'two values'],
    ['rojo=\u0000', 'NUL'],
    ['rojo=é', 'no ASCII'],
    ['\u00A0rojo=1', 'a blank that is none of ASCII'],
    ['rojo=1\n', 'a line end'],
    ['rojo=1,rojo=2', 'a key twice'],
    ['1abc=1', 'a key that begins with a digit'],
    ['a@b@c=1', 'two tenants'],
    [Array.from({ length: 33 }, (_, n) => `k${n}=1`).join(','), '33 members'],
    [`a=${'x'.repeat(511)}`, 'too long'],
    [`a=${'x'.repeat(257)}`, 'a value that is too long'],
  ])('%j is dropped, and the trace goes on: %s', (text) => {
    expect(readTraceContext(GOOD, text)).toMatchObject({ traceId: TRACE, state: null });
  });

  test('goes out beside traceparent', () => {
    expect(traceHeaders(readTraceContext(GOOD, 'rojo=1'))).toEqual({
      traceparent: GOOD,
      tracestate: 'rojo=1',
    });
    expect(traceHeaders(readTraceContext(GOOD))).toEqual({ traceparent: GOOD });
    expect(traceHeaders(null)).toEqual({});
  });
});
