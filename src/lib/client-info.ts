/** The origin of a request, for rate limits, audit events and emails. */
export interface ClientInfo {
  /** An IPv4 address, or the first 64 bits of an IPv6 address. */
  readonly network: string;
  readonly agent: string | null;
  readonly requestId: string;
}
