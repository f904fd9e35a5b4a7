import { expect, test } from "vitest";
import { noPublicEndpoint } from "../../policies/no-public-endpoint.ts";
import { resource, unknown } from "./resource.ts";

const check = (type: string, props: Record<string, unknown>) => noPublicEndpoint.check(resource(type, props));

const service = "kubernetes:core/v1:Service";
const ingress = "kubernetes:networking.k8s.io/v1:Ingress";
const securityGroup = "aws:ec2/securityGroup:SecurityGroup";
const closedBucket = {
  blockPublicAcls: true,
  blockPublicPolicy: true,
  ignorePublicAcls: true,
  restrictPublicBuckets: true,
};
const everybody = { Effect: "Allow", Principal: "*", Action: "s3:GetObject", Resource: "*" };

test.each<[string, string, Record<string, unknown>]>([
  ["a ClusterIP Service", service, { spec: { type: "ClusterIP" } }],
  ["a Service without a type", service, { spec: {} }],
  [
    "an internal load balancer of a Service",
    service,
    {
      metadata: { annotations: { "service.beta.kubernetes.io/aws-load-balancer-scheme": "internal" } },
      spec: { type: "LoadBalancer" },
    },
  ],
  ["an Ingress of an internal class", ingress, { spec: { ingressClassName: "nginx-internal" } }],
  [
    "an Ingress with the internal scheme",
    ingress,
    {
      metadata: { annotations: { "alb.ingress.kubernetes.io/scheme": "internal" } },
      spec: { ingressClassName: "alb" },
    },
  ],
  ["an internal load balancer", "aws:lb/loadBalancer:LoadBalancer", { internal: true }],
  ["a security group for a private range", securityGroup, { ingress: [{ cidrBlocks: ["10.0.0.0/8"] }] }],
  ["egress to everywhere", securityGroup, { egress: [{ cidrBlocks: ["0.0.0.0/0"] }] }],
  [
    "an egress rule",
    "aws:ec2/securityGroupRule:SecurityGroupRule",
    { type: "egress", cidrBlocks: ["0.0.0.0/0"] },
  ],
  ["a private cluster endpoint", "aws:eks/cluster:Cluster", { vpcConfig: { endpointPublicAccess: false } }],
  ["a closed bucket", "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", closedBucket],
  [
    "a bucket policy that denies everybody",
    "aws:s3/bucketPolicy:BucketPolicy",
    { policy: JSON.stringify({ Statement: { ...everybody, Effect: "Deny" } }) },
  ],
  ["an internal flag that is not known yet", "aws:lb/loadBalancer:LoadBalancer", { internal: unknown }],
  ["ranges that are not known yet", securityGroup, { ingress: [{ cidrBlocks: unknown }, unknown] }],
  ["a class that is not known yet", ingress, { spec: { ingressClassName: unknown } }],
])("accepts %s", (_, type, props) => {
  expect(check(type, props)).toEqual([]);
});

test.each<[string, string, Record<string, unknown>, string]>([
  ["a NodePort Service", service, { spec: { type: "NodePort" } }, "NodePort"],
  ["a LoadBalancer Service", service, { spec: { type: "LoadBalancer" } }, "not internal"],
  ["external addresses of a Service", service, { spec: { externalIPs: ["1.2.3.4"] } }, "externalIPs"],
  ["an Ingress without a class", ingress, { spec: {} }, "internal class"],
  ["an Ingress of another class", ingress, { spec: { ingressClassName: "nginx" } }, "internal class"],
  [
    "an internet-facing Ingress",
    ingress,
    {
      metadata: { annotations: { "alb.ingress.kubernetes.io/scheme": "internet-facing" } },
      spec: { ingressClassName: "internal" },
    },
    "internet-facing",
  ],
  ["a load balancer that does not say internal", "aws:lb/loadBalancer:LoadBalancer", {}, "internet-facing"],
  ["a classic load balancer", "aws:elb/loadBalancer:LoadBalancer", { internal: false }, "internet-facing"],
  [
    "ingress from all of IPv4",
    securityGroup,
    { ingress: [{ cidrBlocks: ["0.0.0.0/0"] }] },
    "ingress[0] admits 0.0.0.0/0",
  ],
  [
    "ingress from all of IPv6",
    securityGroup,
    { ingress: [{ ipv6CidrBlocks: ["::/0"] }] },
    "ingress[0] admits ::/0",
  ],
  [
    "an ingress rule from everywhere",
    "aws:ec2/securityGroupRule:SecurityGroupRule",
    { type: "ingress", cidrBlocks: ["0.0.0.0/0"] },
    "admits 0.0.0.0/0",
  ],
  [
    "a rule of its own from everywhere",
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
    { cidrIpv6: "::/0" },
    "admits ::/0",
  ],
  [
    "a public cluster endpoint",
    "aws:eks/cluster:Cluster",
    { vpcConfig: { subnetIds: [] } },
    "endpoint is public",
  ],
  [
    "nodes with public addresses",
    "aws:ec2/launchTemplate:LaunchTemplate",
    { networkInterfaces: [{ associatePublicIpAddress: "true" }] },
    "public addresses",
  ],
  [
    "an instance with a public address",
    "aws:ec2/instance:Instance",
    { associatePublicIpAddress: true },
    "public address",
  ],
  [
    "a bucket that lets public policies through",
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
    { ...closedBucket, blockPublicPolicy: false },
    "blockPublicPolicy is off",
  ],
  ["a public ACL", "aws:s3/bucketAcl:BucketAcl", { acl: "public-read" }, '"public-read"'],
  [
    "a bucket policy for everybody",
    "aws:s3/bucketPolicy:BucketPolicy",
    { policy: JSON.stringify({ Statement: [everybody] }) },
    "allows everybody",
  ],
])("refuses %s", (_, type, props, text) => {
  const messages = check(type, props);
  expect(messages).toHaveLength(1);
  expect(messages[0]).toContain(text);
});
