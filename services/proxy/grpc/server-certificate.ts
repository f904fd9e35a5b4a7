import type { SecureContextOptions, TlsOptions } from "node:tls";
import { ServerCredentials } from "@grpc/grpc-js";

/** A server's certificate that can be replaced while it runs: new connections get the newest. */
export class ServerCertificate extends ServerCredentials {
  /** @param options certificate and key, and what to ask of clients' certificates */
  constructor(options: TlsOptions) {
    super(options, options);
  }

  /** Like the method of an HTTPS server. */
  setSecureContext(options: SecureContextOptions): void {
    this.updateSecureContextOptions(options);
  }

  override _equals(other: ServerCredentials): boolean {
    return this === other;
  }
}
