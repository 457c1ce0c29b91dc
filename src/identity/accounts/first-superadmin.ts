import { createHash, timingSafeEqual } from 'node:crypto';
import type { Config } from '../../config.ts';
import { type Database, onTransaction, sql, type Tx } from '../../database/database.ts';
import type { KeyStore } from '../keys/configured-keys.ts';
import { deriveSetupToken } from '../tokens/opaque-token.ts';
import { lockSuperadmins } from './superadmins.ts';

type SetupConfig = Pick<Config, 'SETUP_TOKEN' | 'production'>;

/** True if these settings allow anyone with the setup token to create the first superadmin. */
export const isSetupEnabled = ({ SETUP_TOKEN, production }: SetupConfig) => SETUP_TOKEN !== undefined || !production;

interface SetupServices {
  readonly config: SetupConfig;
  readonly keys: Pick<KeyStore, 'secret'>;
}

/**
 * The token with which the first superadmin is created. In development it is derived from ENCRYPTION_KEYS, so that all nodes have the same one, also
 * after a restart, and none stores it. Undefined if the settings allow no setup.
 */
export function setupToken({ config, keys }: SetupServices): string | undefined {
  if (!isSetupEnabled(config)) return undefined;
  return config.SETUP_TOKEN ?? deriveSetupToken(keys);
}

/** In constant time. False if the settings allow no setup. */
export function isSetupToken(services: SetupServices, text: string): boolean {
  const token = setupToken(services);
  const isEqual = timingSafeEqual(digest(text), digest(token ?? ''));
  return isEqual && token !== undefined;
}

const digest = (text: string) => createHash('sha256').update(text).digest();

/**
 * True if an account has been granted SUPERADMIN globally, also if it is disabled or deleted or the grant has expired: setup happens once,
 * and the account may be enabled or restored. Commands create a superadmin at any time.
 */
export async function hasSuperadmin({ query }: Pick<Database, 'query'>): Promise<boolean> {
  const [row] = await query<{ exists: boolean }>(sql`
    select exists (
      select from "RoleGrant" g join "Role" r on r.id = g."roleId" where r.name = 'SUPERADMIN' and g."domainId" is null
    ) as exists`);
  return row?.exists ?? true;
}

/** True if the transaction may create the first superadmin. Of several transactions, the first one may. */
export async function claimFirstSuperadmin(tx: Tx): Promise<boolean> {
  await lockSuperadmins(tx);
  return !(await hasSuperadmin(onTransaction(tx)));
}
