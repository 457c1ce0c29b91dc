/** The channels on which nodes are notified of events. Notifications carry no data: the tables do. */
export const channels = { tokenRevoked: 'fieldgate_token_revoked' } as const;
