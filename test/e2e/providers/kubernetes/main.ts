import { FailurePlan, stateFolderVariable } from "../planned-failures.ts";
import { serveProvider } from "../wire/serve.ts";
import { KubernetesProvider } from "./kubernetes-provider.ts";

const [version = "0.0.0"] = process.argv.slice(2);
// No folder for resources: they are in the cluster.
const failures = new FailurePlan(process.env[stateFolderVariable]);
await serveProvider(new KubernetesProvider(failures), version);
