/** Gateway failures in a row that say that nobody is there. One or two happen when an engine restarts a connection. */
const failuresInARow = 5;

/** Share of failures that says that something is wrong with an endpoint which still answers. */
const failureShare = 0.5;

/** Fewer results say nothing about a share. */
const leastResults = 20;

/** Results count for one to two of these, in ms. */
const windowMs = 5_000;

/** Time without requests in ms: the first, doubled with every further one, and the longest. */
const ejection = { firstMs: 1_000, longestMs: 30_000 };

/** How long an endpoint has to work before its next ejection is a first one again, in ms. */
const forgivenAfterMs = 60_000;

/** How long a probe may stay without a result, in ms: its client may have gone. */
const probeMs = 10_000;

/**
 * Keeps requests from one endpoint that fails them. It opens after five gateway failures in a row (unreachable, broke
 * off, or a status that only a gateway or a dying engine sends), or when at least half of the last seconds' requests
 * failed, at least 20 of them. While open, results of requests that were already there do not count. Its time over, one
 * request is let through as a probe: success closes, failure opens it for twice as long, from 1 s up to 30 s.
 *
 * Ejecting for a share of failures takes capacity away from endpoints that do some work, so it stops at half of the
 * peers, and a single endpoint is never ejected for it. Failures in a row may eject all; whoever chooses then takes any.
 */
export class CircuitBreaker {
  #peers: readonly CircuitBreaker[] = [];
  /** 0 while closed. */
  #openUntilMs = 0;
  /** No request is wanted before: the end of the ejection, later that of a probe. 0 while closed. */
  #notBeforeMs = 0;
  #closedAtMs = 0;
  #nextEjectionMs = ejection.firstMs;
  #failuresInARow = 0;
  #windowEndMs = 0;
  #results = 0;
  #failures = 0;
  #earlierResults = 0;
  #earlierFailures = 0;

  /** The breakers of all endpoints of its target, itself included; of the smallest where it is in several. */
  setPeers(peers: readonly CircuitBreaker[]): void {
    this.#peers = peers;
  }

  /** Whether a request may be sent. Of the endpoint that is then chosen, `tryProbe` is asked. */
  usable(nowMs: number): boolean {
    return nowMs >= this.#notBeforeMs;
  }

  /** Takes the right to send a request: always there while closed, once after an ejection. */
  tryProbe(nowMs: number): boolean {
    if (nowMs < this.#notBeforeMs) return false;
    if (this.#openUntilMs > 0) this.#notBeforeMs = nowMs + probeMs;
    return true;
  }

  /** An answer has begun. Of a stream, too: a probe must not stay open for as long as the stream lasts. */
  succeeded(nowMs: number): void {
    this.#failuresInARow = 0;
    if (this.#openUntilMs > 0) {
      this.#closeAfterProbe(nowMs);
      return;
    }
    if (nowMs >= this.#windowEndMs) this.#nextWindow(nowMs);
    this.#results++;
  }

  /** A gateway failure. What a client has done, or the engine's answer to it, is none. */
  failed(nowMs: number): void {
    if (this.#openUntilMs > 0) {
      if (nowMs >= this.#openUntilMs) this.#open(nowMs);
      return;
    }
    if (nowMs >= this.#windowEndMs) this.#nextWindow(nowMs);
    this.#results++;
    this.#failures++;
    this.#failuresInARow++;
    if (this.#failuresInARow < failuresInARow && !this.#isEjectedForShare()) return;
    if (nowMs - this.#closedAtMs >= forgivenAfterMs) this.#nextEjectionMs = ejection.firstMs;
    this.#open(nowMs);
  }

  #isEjectedForShare(): boolean {
    const results = this.#results + this.#earlierResults;
    if (results < leastResults) return false;
    if (this.#failures + this.#earlierFailures < failureShare * results) return false;
    let ejected = 1;
    for (const peer of this.#peers) if (peer !== this && peer.#openUntilMs > 0) ejected++;
    if (2 * ejected <= this.#peers.length) return true;
    // Peers are counted at most once in so many results, however many fail.
    this.#forgetResults();
    return false;
  }

  #open(nowMs: number): void {
    this.#openUntilMs = nowMs + this.#nextEjectionMs;
    this.#notBeforeMs = this.#openUntilMs;
    this.#nextEjectionMs = Math.min(2 * this.#nextEjectionMs, ejection.longestMs);
  }

  #closeAfterProbe(nowMs: number): void {
    if (nowMs < this.#openUntilMs) return;
    this.#openUntilMs = 0;
    this.#notBeforeMs = 0;
    this.#closedAtMs = nowMs;
    this.#failuresInARow = 0;
    this.#forgetResults();
  }

  #nextWindow(nowMs: number): void {
    const adjoins = nowMs < this.#windowEndMs + windowMs;
    this.#earlierResults = adjoins ? this.#results : 0;
    this.#earlierFailures = adjoins ? this.#failures : 0;
    this.#results = 0;
    this.#failures = 0;
    this.#windowEndMs = nowMs + windowMs;
  }

  #forgetResults(): void {
    this.#results = 0;
    this.#failures = 0;
    this.#earlierResults = 0;
    this.#earlierFailures = 0;
  }
}
