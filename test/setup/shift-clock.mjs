// For `node --import`: moves the clock of the process, and of its workers, by CLOCK_SHIFT_MS milliseconds.
const by = Number(process.env.CLOCK_SHIFT_MS ?? 0);
const now = Date.now.bind(Date);

Date.now = () => now() + by;
