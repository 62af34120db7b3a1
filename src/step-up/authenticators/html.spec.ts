import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { html } from './html.js';

test('whatever is put in stays text', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const { text: made } = html`<p title="${text}">${text}</p>`;
      expect(made.slice('<p title="'.length, -'</p>'.length).replace('">', '')).not.toMatch(
        /[<>"']/,
      );
    }),
  );
});

test('markup stays markup, and nothing is nothing', () => {
  const inner = html`<b>${'a & b'}</b>`;
  expect(html`${inner}${[inner, inner]}${null}${1}`.text).toBe(`${'<b>a &#38; b</b>'.repeat(3)}1`);
});
