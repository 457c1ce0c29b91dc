// Preloaded into the server: reports its memory after garbage collection.
process.on('message', () => {
  globalThis.gc?.();
  process.send?.({ bytes: process.memoryUsage.rss() });
});
