import * as pulumi from "@pulumi/pulumi";
import { recordingOf, type RecordedResource } from "../support/resources-of.ts";

/** Something that a program reads from the cluster instead of making it. */
export interface RecordedRead {
  readonly type: string;
  readonly name: string;
  readonly id: string;
  readonly parent: string;
}

interface ReadRequest {
  getType(): string;
  getName(): string;
  getId(): string;
  getParent(): string;
}

interface Monitor {
  readResource(request: ReadRequest, callback: unknown): Promise<void>;
}

/** What a program registers and what it reads, under Pulumi's mocks. */
export async function readsOf(
  program: () => unknown,
): Promise<{ readonly resources: readonly RecordedResource[]; readonly reads: readonly RecordedRead[] }> {
  const reads: RecordedRead[] = [];
  const { resources } = await recordingOf(() => {
    const monitor = pulumi.runtime.getMonitor() as unknown as Monitor;
    const read = monitor.readResource.bind(monitor);
    monitor.readResource = (request, callback) => {
      reads.push({
        type: request.getType(),
        name: request.getName(),
        id: request.getId(),
        parent: request.getParent(),
      });
      return read(request, callback);
    };
    return program();
  });
  return { resources, reads };
}
