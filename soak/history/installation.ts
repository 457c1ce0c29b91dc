import type { Pool } from 'pg';
import { clusterSettings, type Node, openNode } from '../node.ts';
import type { Postgres } from '../postgres.ts';

/** The servers and the entrances that a history uses. */
export interface Installation {
  /** The servers that are killed and paused. They have not been started yet. */
  readonly nodes: readonly Node[];
  /** The targets of requests. */
  readonly entrances: readonly { readonly url: string }[];
  /** The texts of the emails that an address has received. */
  emailsTo(email: string): Promise<readonly string[]>;
  /** Called when the servers have started. */
  begin?(): Promise<void>;
  /** Injects other failures than those of servers and PostgreSQL until that time. Resolves when everything works. */
  disturb?(until: number): Promise<void>;
  /** Further violations at the end. */
  violations?(): Promise<readonly string[]>;
  close?(): Promise<void>;
}

/** The surroundings of an installation. */
export interface Place {
  readonly postgres: Postgres;
  readonly pool: Pool;
  /** For logs and configurations. */
  readonly folder: string;
  /** Must be called if a server exits by itself. */
  ended(name: string): void;
}

/** Two servers without a proxy, a pooler or a mail server: emails are read from the preview. */
export async function openTwoNodes({ postgres, pool, folder, ended }: Place): Promise<Installation> {
  const environment = await clusterSettings(postgres.url);
  const nodes = await Promise.all(['one', 'two'].map((name) => openNode(`node ${name}`, environment, folder, ended)));
  const emailsTo = async (email: string) => {
    const { rows } = await pool
      .query<{ text: string }>(
        `select m.preview->>'text' as text from "OutboxEmail" m
         left join "User" u on u.id = m."userId" left join "Invitation" i on i.id = m."invitationId"
         where m.preview is not null and $1 in (u."emailKey", i."emailKey", m."emailKey")`,
        [email],
      )
      .catch(() => ({ rows: [] }));
    return rows.map(({ text }) => text);
  };
  return { nodes, entrances: nodes, emailsTo };
}

/** The token of the link to that page in the text of an email, which may be encoded as quoted-printable. */
export const tokenOf = (text: string, path: string): string | undefined =>
  new RegExp(`${path}\\?token=(?:3D)?(fgl_[\\w-]{43})`).exec(text.replaceAll('=\r\n', ''))?.[1];
