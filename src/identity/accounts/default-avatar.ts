/** The path of a generated avatar. Any well-formed id has one, so that the path does not reveal which accounts exist. */
export const avatarPath = /^\/avatars\/(?<id>[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12})\.svg$/i;

/** The avatar of a user who has not set one. */
export const defaultAvatarUrl = (publicUrl: string, userId: string) => `${publicUrl}/avatars/${userId}.svg`;
