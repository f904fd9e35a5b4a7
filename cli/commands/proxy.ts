import type { Command } from "commander";
import { addProxyFlags, type ParsedFlags } from "../../services/proxy/command-line/flags.ts";
import { proxySettingsOf } from "../../services/proxy/command-line/proxy-settings.ts";

export function proxyCommand(program: Command): void {
  addProxyFlags(program.command("proxy"))
    .description("run the proxy in front of inference engines, as its container image does")
    .action(async (parsed: ParsedFlags) => {
      const settings = proxySettingsOf(parsed);
      // Only here: the other commands need none of what serves requests.
      const { runProxy } = await import("../../services/proxy/command-line/run-proxy.ts");
      await runProxy(settings);
    });
}
