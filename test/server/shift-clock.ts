// Preloaded into a server process: its clock is off by CLOCK_SHIFT milliseconds.
const shift = Number(process.env.CLOCK_SHIFT);
const now = Date.now.bind(Date);

globalThis.Date = class extends Date {
  constructor(...args: [] | [number | string | Date]) {
    super(...((args.length === 0 ? [now() + shift] : args) as [number]));
  }

  static override now() {
    return now() + shift;
  }
} as DateConstructor;
