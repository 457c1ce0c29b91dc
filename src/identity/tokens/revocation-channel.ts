/** The channel on which the database wakes the nodes for each event. A wake-up says nothing: the tables are the truth. */
export const channels = { tokenRevoked: 'fieldgate_token_revoked' } as const;
