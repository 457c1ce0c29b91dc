import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

interface BcryptTask {
  readonly password: string;
  /** The salt with its version and cost: `$2b$12$…`. */
  readonly salt: string;
}

// bcryptjs computes in JavaScript, which would block the event loop. The gate of the password hashes limits how many workers there are.
const idle: Worker[] = [];

/** Hashes a password with bcrypt, which reads its first 72 bytes. Returns the 31 characters of the digest. */
export async function bcryptDigest(task: BcryptTask): Promise<string> {
  const worker = idle.pop() ?? new Worker(new URL('./bcrypt-worker.ts', import.meta.url));
  worker.ref();
  worker.postMessage(task);
  const [hash] = (await once(worker, 'message')) as [string]; // rejects with the error of a worker that fails
  worker.unref();
  idle.push(worker);
  return hash.slice(task.salt.length);
}
