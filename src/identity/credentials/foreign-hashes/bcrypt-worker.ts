import { parentPort } from 'node:worker_threads';
import bcrypt from 'bcryptjs';

interface Task {
  readonly password: string;
  readonly salt: string;
}

parentPort?.on('message', ({ password, salt }: Task) => parentPort?.postMessage(bcrypt.hashSync(password, salt)));
