import { listAt, textAt, textsAt, valueAt } from "../known-values.ts";
import type { PolicyResource } from "../policy.ts";

/** Each AWS resource that can be an open door, and how it is seen. */
const checks: Readonly<Record<string, (props: PolicyResource["props"]) => string[]>> = {
  "aws:lb/loadBalancer:LoadBalancer": loadBalancerFaults,
  "aws:alb/loadBalancer:LoadBalancer": loadBalancerFaults,
  "aws:elb/loadBalancer:LoadBalancer": loadBalancerFaults,
  "aws:ec2/securityGroup:SecurityGroup": (props) =>
    listAt(props, "ingress").flatMap((rule, index) =>
      openRangeFaults(`ingress[${index}]`, sourceRanges(rule)),
    ),
  "aws:ec2/securityGroupRule:SecurityGroupRule": (props) =>
    textAt(props, "type") === "ingress" ? openRangeFaults("ingress rule", sourceRanges(props)) : [],
  "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": (props) =>
    openRangeFaults("ingress rule", [...textsAt(props, "cidrIpv4"), ...textsAt(props, "cidrIpv6")]),
  "aws:eks/cluster:Cluster": (props) => endpointFaults(valueAt(props, "vpcConfig", "endpointPublicAccess")),
  // Pulumi's own component for a cluster: its children are not seen by policies, so it is judged itself.
  "eks:index:Cluster": (props) => endpointFaults(valueAt(props, "endpointPublicAccess")),
  "aws:ec2/launchTemplate:LaunchTemplate": (props) =>
    listAt(props, "networkInterfaces").some((card) => isTrue(valueAt(card, "associatePublicIpAddress")))
      ? ["nodes get public addresses; set associatePublicIpAddress to false"]
      : [],
  "aws:ec2/instance:Instance": (props) =>
    isTrue(valueAt(props, "associatePublicIpAddress"))
      ? ["the instance gets a public address; set associatePublicIpAddress to false"]
      : [],
};

export function awsEndpointFaults({ type, props }: PolicyResource): string[] {
  return checks[type]?.(props) ?? [];
}

/** AWS makes internet-facing load balancers where nothing is said. */
function loadBalancerFaults(props: PolicyResource["props"]): string[] {
  const internal = valueAt(props, "internal");
  return internal === false || internal === undefined
    ? ["the load balancer is internet-facing; set internal"]
    : [];
}

/** EKS opens its endpoint to the internet where nothing is said. */
function endpointFaults(publicAccess: unknown): string[] {
  return publicAccess === true || publicAccess === undefined
    ? ["the cluster's API endpoint is public; set endpointPublicAccess to false"]
    : [];
}

function sourceRanges(rule: unknown): string[] {
  return [...textsAt(rule, "cidrBlocks"), ...textsAt(rule, "ipv6CidrBlocks")];
}

/** A prefix of no bits is the whole internet, however it is written. */
function openRangeFaults(place: string, ranges: readonly string[]): string[] {
  return ranges
    .filter((range) => /\/0+$/.test(range))
    .map((range) => `${place} admits ${range}; name the ranges or security groups that need it`);
}

function isTrue(value: unknown): boolean {
  return value === true || value === "true";
}
