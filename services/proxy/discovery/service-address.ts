/** The Service that a base URL leads to. */
export interface ServiceAddress {
  readonly service: string;
  readonly namespace: string;
  /** Port of the Service, which need not be that of its pods. */
  readonly port: number;
}

/** `http://tabular.inference.svc.cluster.local:8000` or any shorter form down to `….svc`; undefined for other hosts. */
export function serviceAddressOf(url: string): ServiceAddress | undefined {
  const { hostname, port, protocol } = new URL(url);
  const [service, namespace, svc] = hostname.split(".");
  if (!service || !namespace || svc !== "svc") return undefined;
  return { service, namespace, port: port === "" ? (protocol === "https:" ? 443 : 80) : Number(port) };
}
