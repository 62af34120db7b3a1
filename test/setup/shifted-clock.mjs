// For `node --import`: shifts the clock of the process by CLOCK_SHIFT_MS, as that of a machine that is wrong.
const shift = Number(process.env.CLOCK_SHIFT_MS);
const Real = Date;
const now = () => Real.now() + shift;

globalThis.Date = class extends Real {
  static now = now;

  constructor(...given) {
    if (given.length === 0) super(now());
    else super(...given);
  }
};
