// Preloaded into the server: tells the bench what it holds once everything that can be freed is.
process.on('message', () => {
  globalThis.gc?.();
  process.send?.({ bytes: process.memoryUsage.rss() });
});
