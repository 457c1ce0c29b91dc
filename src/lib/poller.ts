interface PollerOptions {
  /** Milliseconds between two runs. */
  readonly interval: number;
  /** Called for the first failure after a success. */
  readonly onFailure: (error: Error) => void;
}

export interface Poller {
  /** Runs now, or once more after the run in flight. */
  wake(): void;
  /** Stops the timer and waits for the run in flight. */
  stop(): Promise<void>;
}

/** Runs a task on a timer, one run at a time. A failed run is retried on the next tick. */
export function startPoller(run: () => Promise<unknown>, { interval, onFailure }: PollerOptions): Poller {
  let inFlight: Promise<void> | undefined;
  let isRequested = false;
  let isFailing = false;
  let isStopped = false;
  const runOnce = async () => {
    try {
      await run();
      isFailing = false;
    } catch (error) {
      if (!isFailing) onFailure(error as Error);
      isFailing = true;
    }
  };
  const runRequested = async () => {
    while (isRequested && !isStopped) {
      isRequested = false;
      await runOnce();
    }
  };
  const wake = () => {
    if (isStopped) return;
    isRequested = true;
    inFlight ??= runRequested().finally(() => {
      inFlight = undefined;
      if (isRequested) wake();
    });
  };
  const timer = setInterval(() => {
    if (!inFlight) wake();
  }, interval).unref();
  return {
    wake,
    async stop() {
      isStopped = true;
      clearInterval(timer);
      await inFlight;
    },
  };
}
