/** A resource that is registered without a cloud that would answer. */
export interface RegisteredResource {
  readonly type: string;
  readonly name: string;
  readonly inputs: Readonly<Record<string, unknown>>;
}

/**
 * What a cloud would add to a resource, as readable placeholders such as `<arn:acme-models-role>`: for previews and tests
 * that run the program under Pulumi's mocks. Without the entries here the program would see nothing where it waits for
 * an identifier.
 */
export function placeholderState(resource: RegisteredResource): Record<string, unknown> {
  const { name, type, inputs } = resource;
  const state: Record<string, unknown> = { ...inputs };
  if (!type.startsWith("aws:")) return state;
  state.arn ??= `<arn:${name}>`;
  switch (type) {
    case "aws:ec2/launchTemplate:LaunchTemplate":
      state.latestVersion = 1;
      break;
    case "aws:eks/nodeGroup:NodeGroup":
      state.nodeGroupName = `<name:${name}>`;
      state.resources = [{ autoscalingGroups: [{ name: `<autoscaling-group:${name}>` }] }];
      break;
  }
  return state;
}

/** The id that a cloud would give. */
export function placeholderId(resource: RegisteredResource): string {
  return `<id:${resource.name}>`;
}

/** A question that a program asks a cloud about what is already there. */
export interface AskedFunction {
  readonly token: string;
  readonly inputs: Readonly<Record<string, unknown>>;
}

/** What a cloud would answer. */
export function placeholderAnswer({ token, inputs }: AskedFunction): Record<string, unknown> {
  const name = String(inputs.name);
  switch (token) {
    case "aws:eks/getCluster:getCluster":
      return {
        ...inputs,
        endpoint: `<endpoint:${name}>`,
        certificateAuthorities: [{ data: `<certificate-authority:${name}>` }],
      };
    default:
      return { ...inputs };
  }
}
