import { setTimeout as sleep, setImmediate as waitForIo } from 'node:timers/promises';

/** Ends a turn. Calling it again does nothing. */
export type EndTurn = () => void;

const maxRunning = 2; // turns at once: one may wait for the database while the other computes
const pause = 20; // milliseconds without turns after urgent work: its next piece may be waiting for the database or a socket
const maxPause = 100; // milliseconds after which a turn is given in any case, so that the others never stop

/**
 * Turns for work that takes long, in the order of asking: all who ask again after each piece get an equal share. I/O and urgent work go first.
 */
export class Turns {
  readonly #waiting: ((end: EndTurn) => void)[] = [];
  #running = 0;
  #pausedUntil = 0;
  #lastGivenAt = 0;
  #isGiving = false;

  /** Waits for a turn. */
  take(): Promise<EndTurn> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      void this.#give();
    });
  }

  /** Called for each piece of urgent work. */
  postpone() {
    this.#pausedUntil = performance.now() + pause;
  }

  async #give() {
    if (this.#isGiving) return;
    this.#isGiving = true;
    while (this.#waiting.length > 0 && this.#running < maxRunning) {
      await waitForIo();
      while (this.#isPaused()) await sleep(5);
      this.#start();
    }
    this.#isGiving = false;
  }

  #isPaused(): boolean {
    const now = performance.now();
    return now < this.#pausedUntil && now < this.#lastGivenAt + maxPause;
  }

  #start() {
    const next = this.#waiting.shift();
    if (!next) return;
    this.#lastGivenAt = performance.now();
    this.#running += 1;
    let hasEnded = false;
    next(() => {
      if (hasEnded) return;
      hasEnded = true;
      this.#running -= 1;
      void this.#give();
    });
  }
}
