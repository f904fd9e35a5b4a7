import * as pulumi from "@pulumi/pulumi";
import { CustomResource } from "@pulumi/kubernetes/apiextensions/index.js";
import type { ProxySpec } from "../../platform/spec/proxy-schema.ts";
import { childOptions } from "../child-options.ts";
import { proxyServiceName, proxyTlsSecret } from "./proxy-identity.ts";

export interface ProxyCertificateArgs {
  readonly namespace: string;
  /** Labels of the objects. */
  readonly labels: Readonly<Record<string, string>>;
  /**
   * Who signs the serving certificate. Clients verify it by what they know of that issuer.
   * @default an authority of the platform's own
   */
  readonly issuerRef?: NonNullable<ProxySpec["certificate"]>["issuerRef"];
}

const certManager = "cert-manager.io/v1";

/** Without it Pulumi counts a custom resource as done when it is written, and the proxy would wait for its secret. */
const waitForReady = { "pulumi.com/waitFor": "condition=Ready" };

/**
 * The proxy's TLS: the serving certificate, which cert-manager renews, and a certificate authority of the platform's own
 * that signs it, where no other issuer does. Clients verify by the authority's `ca.crt`, which outlives every serving
 * certificate.
 */
export class ProxyCertificate extends pulumi.ComponentResource {
  readonly secretName: pulumi.Output<string>;

  constructor(name: string, args: ProxyCertificateArgs, opts?: pulumi.ComponentResourceOptions) {
    super("domino-inference:proxy:ProxyCertificate", name, {}, opts);
    const child = childOptions(this, opts);
    const object: CreateObject = (kind, role, objectName, spec, after) =>
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
        issuerRef: args.issuerRef ?? ownIssuerRef("inference-proxy-ca"),
      },
      args.issuerRef ? [] : [ownAuthority(args.namespace, object)],
    );

    this.secretName = pulumi.output(proxyTlsSecret);
    this.registerOutputs({ secretName: this.secretName });
  }
}

type CreateObject = (
  kind: "Issuer" | "Certificate",
  role: string,
  objectName: string,
  spec: object,
  after: pulumi.Resource[],
) => pulumi.Resource;

function ownIssuerRef(name: string): object {
  return { group: "cert-manager.io", kind: "Issuer", name };
}

function ownAuthority(namespace: string, object: CreateObject): pulumi.Resource {
  const selfSigned = object("Issuer", "self-signed", "inference-proxy-self-signed", { selfSigned: {} }, []);
  const authority = object(
    "Certificate",
    "authority",
    "inference-proxy-ca",
    {
      isCA: true,
      commonName: `${namespace} inference proxy CA`,
      secretName: "inference-proxy-ca",
      duration: "43800h",
      renewBefore: "8760h",
      // Renewed with the same key, so that clients that hold the old ca.crt still verify.
      privateKey: { algorithm: "ECDSA", size: 256, rotationPolicy: "Never" },
      issuerRef: ownIssuerRef("inference-proxy-self-signed"),
    },
    [selfSigned],
  );
  return object("Issuer", "issuer", "inference-proxy-ca", { ca: { secretName: "inference-proxy-ca" } }, [
    authority,
  ]);
}
