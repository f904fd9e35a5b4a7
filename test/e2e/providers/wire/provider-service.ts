import type { handleUnaryCall, UntypedServiceImplementation } from "@grpc/grpc-js";
import emptyProtocol from "google-protobuf/google/protobuf/empty_pb.js";
import pluginProtocol from "@pulumi/pulumi/proto/plugin_pb.js";
import protocol from "@pulumi/pulumi/proto/provider_pb.js";
import type * as messages from "@pulumi/pulumi/proto/provider_pb.js";
import { renderPath } from "./differences.ts";
import type { DiffAnswer, PropertyChange, ResourceIdentity, ResourceProvider } from "./resource-provider.ts";
import { serviceError } from "./service-error.ts";
import { structOf, wireOf } from "./structs.ts";
import { revealedProperties } from "./values.ts";

/** The protocol in front of a provider. What it leaves out is answered as unimplemented. */
export function providerService(provider: ResourceProvider, version: string): UntypedServiceImplementation {
  return {
    handshake: unary(async () => {
      const response = new protocol.ProviderHandshakeResponse();
      response.setAcceptSecrets(true);
      // Resources among the inputs come as their ids, and outputs as their values: nothing here tells them apart.
      response.setAcceptResources(false);
      response.setAcceptOutputs(false);
      return response;
    }),
    getPluginInfo: unary(async () => {
      const response = new pluginProtocol.PluginInfo();
      response.setVersion(version);
      return response;
    }),
    configure: unary(async (request: messages.ConfigureRequest) => {
      await provider.configure(revealedProperties(wireOf(request.getArgs())));
      const response = new protocol.ConfigureResponse();
      response.setAcceptsecrets(true);
      response.setSupportspreview(true);
      return response;
    }),
    checkConfig: unary(async (request: messages.CheckRequest) => {
      const response = new protocol.CheckResponse();
      response.setInputs(request.getNews());
      return response;
    }),
    diffConfig: unary(async (request: messages.DiffRequest) =>
      diffResponse(provider.diffConfig(wireOf(request.getOldInputs()), wireOf(request.getNews()))),
    ),
    check: unary(async (request: messages.CheckRequest) => {
      const answer = await provider.check({
        ...identityOf(request),
        oldInputs: wireOf(request.getOlds()),
        inputs: wireOf(request.getNews()),
        seed: request.getRandomseed_asU8(),
      });
      const response = new protocol.CheckResponse();
      response.setInputs(structOf(answer.inputs));
      for (const { property, reason } of answer.failures ?? []) {
        const failure = new protocol.CheckFailure();
        failure.setProperty(property);
        failure.setReason(reason);
        response.addFailures(failure);
      }
      return response;
    }),
    diff: unary(async (request: messages.DiffRequest) =>
      diffResponse(
        await provider.diff({
          ...identityOf(request),
          id: request.getId(),
          oldInputs: wireOf(request.getOldInputs()),
          oldOutputs: wireOf(request.getOlds()),
          inputs: wireOf(request.getNews()),
        }),
      ),
    ),
    create: unary(async (request: messages.CreateRequest) => {
      const answer = await provider.create({
        ...identityOf(request),
        inputs: wireOf(request.getProperties()),
        preview: request.getPreview(),
        timeoutSeconds: request.getTimeout(),
      });
      const response = new protocol.CreateResponse();
      response.setId(answer.id);
      response.setProperties(structOf(answer.outputs));
      return response;
    }),
    read: unary(async (request: messages.ReadRequest) => {
      const answer = await provider.read({
        ...identityOf(request),
        id: request.getId(),
        inputs: wireOf(request.getInputs()),
        outputs: wireOf(request.getProperties()),
      });
      const response = new protocol.ReadResponse();
      if (!answer) return response;
      response.setId(request.getId());
      response.setInputs(structOf(answer.inputs));
      response.setProperties(structOf(answer.outputs));
      return response;
    }),
    update: unary(async (request: messages.UpdateRequest) => {
      const outputs = await provider.update({
        ...identityOf(request),
        id: request.getId(),
        oldInputs: wireOf(request.getOldInputs()),
        oldOutputs: wireOf(request.getOlds()),
        inputs: wireOf(request.getNews()),
        preview: request.getPreview(),
        timeoutSeconds: request.getTimeout(),
      });
      const response = new protocol.UpdateResponse();
      response.setProperties(structOf(outputs));
      return response;
    }),
    delete: unary(async (request: messages.DeleteRequest) => {
      await provider.delete({
        ...identityOf(request),
        id: request.getId(),
        inputs: wireOf(request.getOldInputs()),
        outputs: wireOf(request.getProperties()),
        timeoutSeconds: request.getTimeout(),
      });
      return new emptyProtocol.Empty();
    }),
    invoke: unary(async (request: messages.InvokeRequest) => {
      const response = new protocol.InvokeResponse();
      response.setReturn(structOf(await provider.invoke(request.getTok(), wireOf(request.getArgs()))));
      return response;
    }),
    cancel: unary(async () => {
      provider.cancel();
      return new emptyProtocol.Empty();
    }),
  };
}

function unary<Request, Response>(
  answer: (request: Request) => Promise<Response>,
): handleUnaryCall<Request, Response> {
  return (call, callback) => {
    answer(call.request).then(
      (response) => callback(null, response),
      (error: unknown) => callback(serviceError(error)),
    );
  };
}

interface Identified {
  getUrn(): string;
  getType(): string;
  getName(): string;
}

function identityOf(request: Identified): ResourceIdentity {
  return { urn: request.getUrn(), type: request.getType(), name: request.getName() };
}

const changeKinds = {
  add: [protocol.PropertyDiff.Kind.ADD, protocol.PropertyDiff.Kind.ADD_REPLACE],
  delete: [protocol.PropertyDiff.Kind.DELETE, protocol.PropertyDiff.Kind.DELETE_REPLACE],
  update: [protocol.PropertyDiff.Kind.UPDATE, protocol.PropertyDiff.Kind.UPDATE_REPLACE],
} as const;

function diffResponse({ changes, deleteBeforeReplace }: DiffAnswer): messages.DiffResponse {
  const response = new protocol.DiffResponse();
  const { DIFF_SOME, DIFF_NONE } = protocol.DiffResponse.DiffChanges;
  response.setChanges(changes.length > 0 ? DIFF_SOME : DIFF_NONE);
  response.setDiffsList(rootsOf(changes));
  response.setReplacesList(rootsOf(changes.filter(({ replaces }) => replaces)));
  response.setDeletebeforereplace(deleteBeforeReplace === true);
  response.setHasdetaileddiff(changes.length > 0);
  for (const { path, kind, replaces } of changes) {
    const detail = new protocol.PropertyDiff();
    detail.setKind(changeKinds[kind][replaces ? 1 : 0]);
    detail.setInputdiff(true);
    response.getDetaileddiffMap().set(renderPath(path), detail);
  }
  return response;
}

function rootsOf(changes: readonly PropertyChange[]): string[] {
  return [...new Set(changes.map(({ path }) => String(path[0])))];
}
