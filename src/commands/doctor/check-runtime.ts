import { existsSync } from 'node:fs';
import { stat, statfs } from 'node:fs/promises';
import type { Config } from '../../config.ts';
import { hashLibrary } from '../../identity/credentials/password-hash.ts';
import { type Finding, runCheck } from './finding.ts';

/** Node.js, and the package that hashes passwords. */
export const checkRuntime = (): Promise<Finding[]> =>
  runCheck('Node.js', ({ ok, warning }) => {
    if (hashLibrary === '@node-rs/argon2') return ok(`${process.versions.node}, with native password hashes`);
    ok(process.versions.node);
    warning('@node-rs/argon2 has no binary here: logins take twice the processor time; install without --omit=optional');
  });

const minimumSpace = 64 * 1024 ** 2; // bytes, which a new database takes
const comfortableSpace = 1024 ** 3;

/** The folder of the embedded database and of generated keys; no finding if nothing is kept there. */
export const checkDataFolder = ({ DATA_DIR, DATABASE_URL, JWT_KEYS, ENCRYPTION_KEYS, production }: Config): Promise<Finding[]> =>
  runCheck('data folder', async ({ ok, warning, problem }) => {
    const isUsed = !production && (!DATABASE_URL || !JWT_KEYS || !ENCRYPTION_KEYS);
    if (!isUsed) return;
    if (!existsSync(DATA_DIR)) return ok(`${DATA_DIR} does not exist yet; the first start creates it`);
    const { mode } = await stat(DATA_DIR);
    if (process.platform !== 'win32' && (mode & 0o077) !== 0)
      warning(`other users of this machine may read ${DATA_DIR}; run \`chmod 700 ${DATA_DIR}\``);
    const { bavail, bsize } = await statfs(DATA_DIR);
    const free = bavail * bsize;
    const size = `${Math.floor(free / 1024 ** 2)} MB are free in ${DATA_DIR}`;
    if (free < minimumSpace) problem(`only ${size}; the database cannot grow`);
    else if (free < comfortableSpace) warning(`only ${size}`);
    else ok(size);
  });
