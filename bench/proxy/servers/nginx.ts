import { mkdir, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { freePorts } from "../../../test/e2e/processes/free-ports.ts";
import { startServer, temporaryFolder } from "../../../test/e2e/processes/running-server.ts";
import type { SupervisedProcess } from "../../../test/e2e/processes/supervised-process.ts";
import { fetchDebianTool } from "../../../test/toolchain/debian-tools.ts";

export interface RunningNginx extends SupervisedProcess {
  /** Base URL without a trailing slash. */
  readonly url: string;
}

/** Starts nginx with one worker in front of one server, as a proxy that only passes on what it gets. */
export function startNginxProxy(upstream: string): Promise<RunningNginx> {
  return startNginx(
    `upstream engine { server ${new URL(upstream).host}; keepalive 64; keepalive_requests 1000000000; }`,
    `location / {
      proxy_pass http://engine;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
    }`,
  );
}

/** Fixed answers by path prefix; `/` takes the rest. A request is read to its end before it is answered. */
export function startFixedAnswers(answers: Readonly<Record<string, string>>): Promise<RunningNginx> {
  const locations = Object.entries(answers).map(
    ([prefix, answer], index) => `
    location ${prefix} { echo_read_request_body; echo_exec /answer/${index}; }
    location = /answer/${index} { internal; default_type application/json; return 200 '${answer}'; }`,
  );
  return startNginx("", locations.join(""), ["http_echo"]);
}

async function startNginx(
  upstreams: string,
  locations: string,
  modules: readonly string[] = [],
): Promise<RunningNginx> {
  const { path, root, env } = await fetchDebianTool("nginx", console.error);
  const [port = 0] = await freePorts(1);
  const folder = await temporaryFolder("nginx");
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (kind) => `${kind}_temp_path ${folder}/${kind};`,
  );
  const config = join(folder, "nginx.conf");
  await mkdir(join(folder, "logs"));
  await writeFile(
    config,
    `
${modules.map((module) => `load_module ${root}/usr/lib/nginx/modules/ngx_${module}_module.so;`).join("\n")}
daemon off;
worker_processes 1;
pid ${folder}/pid;
error_log stderr error;
events { worker_connections 4096; }
http {
  access_log off;
  tcp_nodelay on;
  keepalive_requests 1000000000;
  client_max_body_size 0;
  # Bodies stay in memory: files would measure the disk.
  client_body_buffer_size 2m;
  ${temporary.join("\n  ")}
  ${upstreams}
  server {
    listen 127.0.0.1:${port};
    ${locations}
  }
}
`,
  );
  const server = await startServer({
    name: "nginx",
    command: path,
    args: ["-p", folder, "-c", config, "-e", "stderr"],
    env,
    cwd: folder,
    folder,
    ports: [port],
    ready: () => accepts(port),
  });
  return { ...server, url: `http://127.0.0.1:${port}` };
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => resolve(socket.destroy() !== undefined));
    socket.once("error", () => resolve(false));
  });
}
