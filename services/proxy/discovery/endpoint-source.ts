/** One way to find the addresses that stand behind a base URL. */
export interface EndpointSource {
  /**
   * Follows a base URL until it is closed.
   *
   * @param changed gets the base URLs, one an address, sorted: once when they are first known, then whenever they
   *   differ; never during this call
   */
  follow(url: string, changed: (addresses: readonly string[]) => void): FollowedUrl;
  close(): void;
}

export interface FollowedUrl {
  /** When its source last answered, in ms of the injected clock; undefined before the first answer. */
  readonly confirmedAtMs: number | undefined;
  /** Looks that came to nothing since it is followed: name servers or an API server that gave no answer. */
  readonly failedLooks: number;
  close(): void;
}
