import { availableParallelism } from 'node:os';

// Hashes use as many threads as there are cores. Four more, libuv's default, serve DNS, files and compression (security.md 4.9). libuv reads this
// when the first thread is needed.
// biome-ignore lint/style/noProcessEnv: libuv has no other setting
process.env.UV_THREADPOOL_SIZE ??= String(availableParallelism() + 4);
