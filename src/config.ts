import { z } from 'zod';
import { looksRandom } from './lib/random-text.ts';
import { hasUserInfo, readUrl } from './lib/validators.ts';

const units = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** The maximum lifetime of an access token, in seconds (security.md F6). */
export const maxAccessTokenTtl = 15 * 60;

const duration = (fallback: string, { min = '1s', max }: { min?: string; max?: string } = {}) =>
  z
    .string()
    .default(fallback)
    .transform((text, context) => {
      const milliseconds = parseDuration(text);
      const isInRange = (value: number) => value >= (parseDuration(min) ?? 0) && value <= (max ? (parseDuration(max) ?? 0) : value);
      if (milliseconds === undefined || !isInRange(milliseconds)) {
        const range = max ? `from ${min} to ${max}` : `of at least ${min}`;
        context.addIssue(`must be a duration ${range}, for example "${fallback}"`);
      }
      return milliseconds ?? 0;
    });

const wholeNumber = (min: number, max: number) =>
  z.coerce
    .number({ error: rangeError(min, max) })
    .refine((value) => Number.isInteger(value) && value >= min && value <= max, { error: rangeError(min, max) });

const integer = (fallback: number, min: number, max: number) => wholeNumber(min, max).default(fallback);

const rangeError = (min: number, max: number) => `must be a whole number from ${min} to ${max}`;

const oneOf = <const Value extends string>(...values: Value[]) => z.enum(values, { error: `must be one of ${values.join(', ')}` });

const url = (protocol: RegExp, example: string) => z.url({ protocol, error: `must be a URL such as ${example}` }).optional();

/** The tables are in one schema, and a parameter that the driver ignores must not look as if it chose another one. */
const databaseUrl = url(/^postgres(ql)?$/, 'postgresql://user:password@host/database').refine(
  (text) => (URL.parse(text ?? '')?.searchParams.get('schema') ?? 'public') === 'public',
  'must not have the parameter `schema`: the tables are in the schema public; use a separate database',
);

/** The base of links and the issuer of tokens, in the one form that clients compare with: lower case, without a default port or a slash at the end. */
const publicUrl = z
  .string()
  .refine((text) => /^https?:$/.test(readUrl(text)?.protocol ?? ''), { error: 'must be a URL such as https://id.example.com', abort: true })
  .refine((text) => !hasUserInfo(text), 'must not contain a username or password')
  .refine((text) => !/[?#]/.test(text), 'must not contain a query or fragment')
  .transform((text) => new URL(text).href.replace(/\/$/, ''));

const flag = z.enum(['true', 'false'], { error: 'must be true or false' }).transform((text) => text === 'true');
const list = z
  .string()
  .default('')
  .transform((text) => text.split(',').flatMap((item) => item.trim() || []));

/** A name or an address as in the `Host` header, an IPv6 address in brackets, without a port. */
const isHost = (text: string) => URL.parse(`http://${text}`)?.hostname === text;

const isOrigin = (text: string) => /^https?:/.test(text) && URL.parse(text)?.origin === text; // never "null" or a wildcard (security.md 15.5)

/** Every setting, by the name of its environment variable. Durations are milliseconds. */
const settings = z.object({
  NODE_ENV: oneOf('development', 'production', 'test').default('development'),
  PORT: integer(4000, 0, 65_535),
  HOST: z.string().default('127.0.0.1'),
  METRICS_PORT: wholeNumber(0, 65_535).optional(),
  METRICS_HOST: z.string().default('127.0.0.1'),
  DATA_DIR: z.string().default('./data'),
  DATABASE_URL: databaseUrl,
  DATABASE_POOLER: oneOf('session', 'transaction').optional(),
  DATABASE_DIRECT_URL: databaseUrl,
  DATABASE_POOL: integer(10, 2, 200),
  REDIS_URL: url(/^rediss?$/, 'redis://host:6379'),
  PUBLIC_URL: publicUrl.optional(),
  ALLOW_HTTP: flag.default(false),
  AUDIENCE: z.string().min(1).default('fieldgate'),
  JWT_KEYS: z.string().min(1).optional(),
  ENCRYPTION_KEYS: z.string().min(1).optional(),
  SETUP_TOKEN: z
    .string()
    .refine(looksRandom, 'must be at least 32 random characters without spaces, such as the output of `openssl rand -hex 32`')
    .optional(),
  ACCESS_TOKEN_TTL: duration('5m', { max: '15m' }), // maxAccessTokenTtl
  REFRESH_TOKEN_TTL: duration('30d'),
  REFRESH_TOKEN_IDLE: duration('14d'),
  REFRESH_RETRY_WINDOW: duration('10s', { min: '0s', max: '60s' }), // security.md F8
  FRESHNESS: duration('10m', { max: '15m' }), // security.md F16
  AUDIT_RETENTION: duration('365d', { min: '1d' }),
  PUBLIC_REGISTRATION: flag.optional(),
  REQUIRE_EMAIL_CONFIRMATION: flag.optional(),
  DEFAULT_ROLE: z.string().default('USER'),
  DEFAULT_DOMAIN: z.string().optional(),
  DELETED_USER_RETENTION: duration('30d'),
  PASSWORD_MIN: integer(15, 8, 64), // security.md F1
  PASSWORD_WORDS: list,
  FLASK_SECURITY_PASSWORD_SALT: z.string().min(1).optional(),
  SMTP_URL: url(/^smtps?$/, 'smtps://user:password@host'),
  MAIL_FROM: z
    .string()
    .regex(/^[^\r\n]*@[^\r\n]+$/, 'must be an address such as "Example <no-reply@example.com>"')
    .optional(),
  CORS_ORIGINS: list
    .refine((origins) => !origins.some((origin) => origin.includes('*')), {
      error: 'must list the origins: `*` would let every site call the API',
      abort: true,
    })
    .refine((origins) => origins.every(isOrigin), 'must be origins such as "https://app.example.com", without a path'),
  TRUSTED_PROXIES: integer(0, 0, 10),
  PROXY_HEADER: oneOf('x-forwarded-for', 'forwarded').default('x-forwarded-for'),
  ALLOWED_HOSTS: list
    .transform((hosts) => hosts.map((host) => host.toLowerCase()))
    .refine((hosts) => !hosts.some((host) => host.includes('*')), { error: 'must list the hosts: `*` matches none', abort: true })
    .refine((hosts) => hosts.every(isHost), 'must be hosts such as id.example.com, without a scheme, port or path'),
  INTROSPECTION: flag.optional(),
  LOG_LEVEL: oneOf('fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent').default('info'),
});

/** Settings without a safe default, required in production. */
const requiredInProduction = ['DATABASE_URL', 'PUBLIC_URL', 'JWT_KEYS', 'ENCRYPTION_KEYS', 'SMTP_URL', 'MAIL_FROM'] as const;

/** True in production, also while the settings cannot be read. */
export const isProduction = () => process.env.NODE_ENV === 'production';

export type Config = ReturnType<typeof completeSettings>;

/** A setting that the server cannot start with. `message` never repeats its value. */
export interface SettingFault {
  readonly setting: string;
  readonly message: string;
}

/** Reads and validates the settings. The error names each invalid setting and never repeats its value. */
export function readConfig(environment: Record<string, string | undefined> = process.env): Config {
  const { config, faults } = readSettings(environment);
  if (faults.length > 0) throw new Error(faults.map(({ setting, message }) => `Setting ${setting}: ${message}`).join('\n'));
  return config;
}

/** Reads the settings and finds all faults. The configuration has the defaults of settings that are invalid: it is for a diagnosis only. */
export function readSettings(environment: Record<string, string | undefined> = process.env): {
  readonly config: Config;
  readonly faults: readonly SettingFault[];
} {
  const nonEmpty = Object.entries(environment).filter(([, value]) => value !== '');
  const parsed = settings.safeParse(Object.fromEntries(nonEmpty));
  const invalid = (parsed.error?.issues ?? []).map(({ path, message }) => ({ setting: path.join('.'), message }));
  const isInvalid = (name: string) => invalid.some(({ setting }) => setting === name);
  const values = parsed.data ?? settings.parse(Object.fromEntries(nonEmpty.filter(([name]) => !isInvalid(name))));
  const faults = [...prefixFaults(nonEmpty), ...invalid, ...valueFaults(values).filter(({ setting }) => !isInvalid(setting))];
  return { config: completeSettings(values), faults };
}

/** Faults of settings whose values are valid one by one. */
function valueFaults(values: z.infer<typeof settings>): SettingFault[] {
  const production = values.NODE_ENV === 'production';
  const missing = production ? requiredInProduction.filter((name) => values[name] === undefined) : [];
  const faults = missing.map((setting): SettingFault => ({ setting, message: 'must be set in production' }));
  if (!values.DATABASE_URL && !production && (values.DATABASE_POOLER || values.DATABASE_DIRECT_URL))
    faults.push({ setting: 'DATABASE_URL', message: 'must be set if DATABASE_POOLER or DATABASE_DIRECT_URL is' });
  if (values.DATABASE_POOLER === 'transaction' && !values.DATABASE_DIRECT_URL)
    faults.push({ setting: 'DATABASE_DIRECT_URL', message: 'must be set if DATABASE_POOLER is transaction' });
  if (production && values.PUBLIC_URL && isUnencrypted(values.PUBLIC_URL) && !values.ALLOW_HTTP)
    faults.push({ setting: 'PUBLIC_URL', message: httpFault });
  return faults;
}

function completeSettings(values: z.infer<typeof settings>) {
  const production = values.NODE_ENV === 'production';
  const PUBLIC_URL = values.PUBLIC_URL ?? `http://localhost:${values.PORT}`;
  return Object.freeze({
    ...values,
    production,
    PUBLIC_URL,
    PUBLIC_REGISTRATION: values.PUBLIC_REGISTRATION ?? !production,
    REQUIRE_EMAIL_CONFIRMATION: values.REQUIRE_EMAIL_CONFIRMATION ?? production,
    MAIL_FROM: values.MAIL_FROM ?? `Fieldgate <no-reply@${new URL(PUBLIC_URL).hostname}>`,
    INTROSPECTION: values.INTROSPECTION ?? !production,
    ALLOWED_HOSTS:
      values.ALLOWED_HOSTS.length > 0 ? values.ALLOWED_HOSTS : ['localhost', '127.0.0.1', '[::1]', new URL(PUBLIC_URL).hostname],
  });
}

/** The environment of programs that this process starts: without the settings, which contain secrets. */
export const environmentWithoutSettings = (): Record<string, string | undefined> =>
  Object.fromEntries(Object.entries(process.env).filter(([name]) => !Object.hasOwn(settings.shape, name)));

/** True for a URL without TLS, unless its host is this machine or a name that is reserved for tests (RFC 6761). */
const isUnencrypted = (url: string) =>
  url.startsWith('http:') && !/^(?:127\.0\.0\.1|\[::1\]|(?:.+\.)?(?:localhost|test))$/.test(new URL(url).hostname);

const httpFault = 'must begin with https: in production; ALLOW_HTTP=true permits http: where no one can listen in';

const prefix = 'FIELDGATE_';

/** Kubernetes sets such variables in the containers beside a service whose name begins like that of the product. */
const ofService = /^FIELDGATE_(?:\w+_)?(?:SERVICE_(?:HOST|PORT)\w*|PORT_\d+_(?:TCP|UDP|SCTP)\w*)$/;

/** The variables with a prefix, which no setting has: they would be ignored. */
function prefixFaults(environment: readonly [name: string, value: string | undefined][]): SettingFault[] {
  const isMistaken = ([name, value = '']: (typeof environment)[number]) =>
    name.startsWith(prefix) && !ofService.test(name) && !(name.endsWith('_PORT') && value.includes('://'));
  return environment.filter(isMistaken).map(([name]) => {
    const setting = name.slice(prefix.length);
    const isKnown = Object.hasOwn(settings.shape, setting);
    return {
      setting: name,
      message: `does not exist; ${isKnown ? `its name is ${setting}` : 'settings have no prefix (docs/settings.md)'}`,
    };
  });
}

function parseDuration(text: string): number | undefined {
  const { amount, unit } = /^(?<amount>\d{1,6})(?<unit>[smhd])$/.exec(text)?.groups ?? {};
  return amount && unit ? Number(amount) * units[unit as keyof typeof units] : undefined;
}
