import { graphqlError } from '../errors.ts';
import { loadUserAsViewer, type Viewer } from '../identity/viewer.ts';
import type { PolicyContext } from './policy.ts';

/** The viewer whose access is explained: the caller with their token's scopes, or another user with a fresh session. */
export async function resolveSubject(
  { viewer, db }: Pick<PolicyContext, 'viewer' | 'db'>,
  as: { readonly id: string } | null | undefined,
): Promise<Viewer | null> {
  if (!as || as.id === viewer?.user.id) return viewer;
  const subject = await loadUserAsViewer(db.prisma, as.id);
  if (!subject) throw graphqlError('NOT_FOUND');
  return subject;
}

/** An authenticated user without any rights: what an anonymous caller can become. Has only the properties that conditions read. */
export const hypotheticalViewer = {
  user: { id: '', emailConfirmedAt: new Date(0) },
  token: { id: '' },
  grants: [],
  rank: 0,
  administeredDomainIds: [],
  ancestorIds: {},
  reach: null,
  permissions: new Set<string>(),
  scopes: null,
  recentlyAuthenticated: true,
  now: new Date(0),
} satisfies Omit<Viewer, 'user' | 'token'> & { user: object; token: object } as object as Viewer;
