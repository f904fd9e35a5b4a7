import * as pulumi from "@pulumi/pulumi";
import { CustomResource } from "@pulumi/kubernetes/apiextensions/index.js";
import { childOptions } from "../child-options.ts";
import { proxyServiceName, proxyTlsSecret } from "./proxy-identity.ts";

export interface ProxyCertificateArgs {
  readonly namespace: string;
  /** Labels of the objects. */
  readonly labels: Readonly<Record<string, string>>;
}

const certManager = "cert-manager.io/v1";

/** Without it Pulumi counts a custom resource as done when it is written, and the proxy would wait for its secret. */
const waitForReady = { "pulumi.com/waitFor": "condition=Ready" };

/**
 * The proxy's TLS: a certificate authority of the platform's own, by cert-manager, and the serving certificate that it
 * signs. Clients verify by the authority's `ca.crt`, which outlives every serving certificate.
 */
export class ProxyCertificate extends pulumi.ComponentResource {
  readonly secretName: pulumi.Output<string>;

  constructor(name: string, args: ProxyCertificateArgs, opts?: pulumi.ComponentResourceOptions) {
    super("domino-inference:proxy:ProxyCertificate", name, {}, opts);
    const child = childOptions(this, opts);
    const object = (
      kind: "Issuer" | "Certificate",
      role: string,
      objectName: string,
      spec: object,
      after: pulumi.Resource[],
    ) =>
      new CustomResource(
        `${name}-${role}`,
        {
          apiVersion: certManager,
          kind,
          metadata: {
            name: objectName,
            namespace: args.namespace,
            labels: { ...args.labels },
            annotations: waitForReady,
          },
          spec,
        },
        after.length > 0 ? { ...child, dependsOn: after } : child,
      );

    const selfSigned = object("Issuer", "self-signed", "inference-proxy-self-signed", { selfSigned: {} }, []);
    const authority = object(
      "Certificate",
      "authority",
      "inference-proxy-ca",
      {
        isCA: true,
        commonName: `${args.namespace} inference proxy CA`,
        secretName: "inference-proxy-ca",
        duration: "43800h",
        renewBefore: "8760h",
        // Renewed with the same key, so that clients that hold the old ca.crt still verify.
        privateKey: { algorithm: "ECDSA", size: 256, rotationPolicy: "Never" },
        issuerRef: { group: "cert-manager.io", kind: "Issuer", name: "inference-proxy-self-signed" },
      },
      [selfSigned],
    );
    const issuer = object(
      "Issuer",
      "issuer",
      "inference-proxy-ca",
      { ca: { secretName: "inference-proxy-ca" } },
      [authority],
    );
    const service = proxyServiceName;
    const host = `${service}.${args.namespace}`;
    object(
      "Certificate",
      "serving",
      "inference-proxy",
      {
        secretName: proxyTlsSecret,
        duration: "4320h",
        renewBefore: "360h",
        // Every form by which a pod can name the Service; the last is the one that clients have in their settings.
        dnsNames: [service, host, `${host}.svc`, `${host}.svc.cluster.local`],
        usages: ["server auth"],
        privateKey: { algorithm: "ECDSA", size: 256, rotationPolicy: "Always" },
        issuerRef: { group: "cert-manager.io", kind: "Issuer", name: "inference-proxy-ca" },
      },
      [issuer],
    );

    this.secretName = pulumi.output(proxyTlsSecret);
    this.registerOutputs({ secretName: this.secretName });
  }
}
