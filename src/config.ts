import { z } from 'zod';

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

const flag = z.enum(['true', 'false']).transform((text) => text === 'true');
const list = z
  .string()
  .default('')
  .transform((text) => text.split(',').flatMap((item) => item.trim() || []));

const isOrigin = (text: string) => /^https?:/.test(text) && URL.parse(text)?.origin === text; // never "null" or a wildcard (security.md 15.5)

/** Every setting, by the name of its environment variable. Durations are milliseconds. */
const settings = z.object({
  NODE_ENV: z.enum(['development', 'production', 'test']).default('development'),
  PORT: z.coerce.number().int().min(0).max(65_535).default(4000),
  HOST: z.string().default('127.0.0.1'),
  DATA_DIR: z.string().default('./data'),
  DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/ }).optional(),
  DATABASE_POOL: z.coerce.number().int().min(2).max(200).default(10),
  REDIS_URL: z.url({ protocol: /^rediss?$/ }).optional(),
  PUBLIC_URL: z.url({ protocol: /^https?$/ }).optional(),
  AUDIENCE: z.string().min(1).default('fieldgate'),
  JWT_KEYS: z.string().min(1).optional(),
  ENCRYPTION_KEYS: z.string().min(1).optional(),
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
  PASSWORD_MIN: z.coerce.number().int().min(8).max(64).default(15), // security.md F1
  PASSWORD_WORDS: list,
  SMTP_URL: z.url({ protocol: /^smtps?$/ }).optional(),
  MAIL_FROM: z
    .string()
    .regex(/^[^\r\n]*@[^\r\n]+$/, 'must be an address such as "Example <no-reply@example.com>"')
    .optional(),
  CORS_ORIGINS: list.refine((origins) => origins.every(isOrigin), 'must be origins such as "https://app.example.com", without a path'),
  TRUSTED_PROXIES: z.coerce.number().int().min(0).max(10).default(0),
  ALLOWED_HOSTS: list.transform((hosts) => hosts.map((host) => host.toLowerCase())),
  INTROSPECTION: flag.optional(),
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
});

/** Settings without a safe default, required in production. */
const requiredInProduction = ['DATABASE_URL', 'PUBLIC_URL', 'JWT_KEYS', 'ENCRYPTION_KEYS', 'SMTP_URL', 'MAIL_FROM'] as const;

export type Config = ReturnType<typeof readConfig>;

/** Reads and validates the settings. The error names each invalid setting and never repeats its value. */
export function readConfig(environment: Record<string, string | undefined> = process.env) {
  const nonEmpty = Object.entries(environment).filter(([, value]) => value !== '');
  const parsed = settings.safeParse(Object.fromEntries(nonEmpty));
  if (!parsed.success) throw new Error(parsed.error.issues.map((issue) => `Setting ${issue.path.join('.')}: ${issue.message}`).join('\n'));
  const values = parsed.data;
  const production = values.NODE_ENV === 'production';
  const missing = production ? requiredInProduction.filter((name) => values[name] === undefined) : [];
  if (missing.length > 0) throw new Error(missing.map((name) => `Setting ${name}: must be set in production`).join('\n'));
  const publicUrl = values.PUBLIC_URL ?? `http://localhost:${values.PORT}`;
  return Object.freeze({
    ...values,
    production,
    PUBLIC_URL: publicUrl.replace(/\/$/, ''),
    PUBLIC_REGISTRATION: values.PUBLIC_REGISTRATION ?? !production,
    REQUIRE_EMAIL_CONFIRMATION: values.REQUIRE_EMAIL_CONFIRMATION ?? production,
    MAIL_FROM: values.MAIL_FROM ?? `Fieldgate <no-reply@${new URL(publicUrl).hostname}>`,
    INTROSPECTION: values.INTROSPECTION ?? !production,
    ALLOWED_HOSTS:
      values.ALLOWED_HOSTS.length > 0 ? values.ALLOWED_HOSTS : ['localhost', '127.0.0.1', '[::1]', new URL(publicUrl).hostname],
  });
}

function parseDuration(text: string): number | undefined {
  const { amount, unit } = /^(?<amount>\d{1,6})(?<unit>[smhd])$/.exec(text)?.groups ?? {};
  return amount && unit ? Number(amount) * units[unit as keyof typeof units] : undefined;
}
