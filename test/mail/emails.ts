import type { Prisma } from '../../src/database/generated/prisma/client.ts';
import { type TestServer, waitUntil } from '../test-server.ts';

/** An email of a server without SMTP_URL, as shown at /dev/mails. */
export interface ReceivedEmail {
  readonly subject: string;
  readonly text: string;
  readonly html: string;
  /** The token of its link and the code; empty if it has none. */
  readonly token: string;
  readonly code: string;
}

/** The newest email of a template to a user, once there are `count` of them. */
export async function emailTo({ db }: Pick<TestServer, 'db'>, userId: string, template: string, count = 1): Promise<ReceivedEmail> {
  return newest(db, async () => ({ template, OR: [{ userId }, { emailKey: { in: await emailKeysOf(db, userId) } }] }), count);
}

/** The newest invitation email to an address, once there are `count` of them. */
export const invitationEmailTo = ({ db }: Pick<TestServer, 'db'>, email: string, count = 1): Promise<ReceivedEmail> =>
  newest(db, async () => ({ template: 'invitation', invitation: { email } }), count);

async function newest(db: TestServer['db'], which: () => Promise<Prisma.OutboxEmailWhereInput>, count: number): Promise<ReceivedEmail> {
  const mails = await waitUntil(async () => {
    const found = await db.prisma.outboxEmail.findMany({
      where: { ...(await which()), outcome: 'previewed' },
      orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
    });
    return found.length >= count ? found : undefined;
  });
  const shown = mails[0]?.preview as unknown as Pick<ReceivedEmail, 'subject' | 'text' | 'html'>;
  const [token = ''] = /fgl_[\w-]{43}/.exec(shown.text) ?? [];
  const [, code = ''] = /^Code: (\d{8})$/m.exec(shown.text) ?? [];
  return { ...shown, token, code };
}

const emailKeysOf = async (db: TestServer['db'], id: string) =>
  (await db.prisma.user.findMany({ where: { id }, select: { emailKey: true } })).map(({ emailKey }) => emailKey);

/** The outcomes of all emails of a template to a user or an address, once none is pending. */
export async function outcomes(
  { db }: Pick<TestServer, 'db'>,
  template: string,
  where: { userId: string } | { emailKey: string } | { invitationId: string },
): Promise<(string | null)[]> {
  const mails = await waitUntil(async () => {
    const found = await db.prisma.outboxEmail.findMany({ where: { template, ...where }, orderBy: { createdAt: 'asc' } });
    return found.length > 0 && found.every(({ completedAt }) => completedAt) ? found : undefined;
  });
  return mails.map(({ outcome }) => outcome);
}
