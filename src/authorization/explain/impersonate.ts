import { graphqlError } from '../../errors.ts';
import type { Context } from '../../graphql/context.ts';
import { loadUserAsViewer, type Viewer } from '../../identity/viewer.ts';

/** The one whose access is asked about: the caller as they are, with the bounds of their token, or another user as one who is signed in. */
export async function resolveSubject(context: Context, as: { readonly id: string } | null | undefined): Promise<Viewer | null> {
  const { viewer } = context;
  if (!as || as.id === viewer?.user.id) return viewer;
  const asker = await loadUserAsViewer(context.db.prisma, as.id);
  if (!asker) throw graphqlError('NOT_FOUND');
  return asker;
}

/** The context in which somebody else asks, with verdicts of their own; one that it is for stays as it is. */
export const contextFor = (context: Context, asker: Viewer | null): Context =>
  asker === context.viewer ? context : { ...context, viewer: asker, decisionCache: new Map(), loaders: new Map() };

/** A user who is signed in and has no right besides: what somebody who is nobody could become. */
export const hypotheticalViewer = {
  user: { id: '', emailConfirmedAt: new Date(0) },
  token: { id: '' },
  grants: [],
  rank: 0,
  administeredDomainIds: [],
  ancestorIds: {},
  permissions: new Set<string>(),
  scopes: null,
  recentlyAuthenticated: true,
} as unknown as Viewer;
