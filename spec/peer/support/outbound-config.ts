/** popgate.toml for the specs of outbound mail: a listener, one or more relays, and no box to poll. */
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { configText } from "../../fakes/popgate-process.ts";
import type { Certificates } from "./certificates.ts";

export interface RelayText {
  readonly name: string;
  readonly port: number;
  readonly tls: "required" | "implicit";
  readonly user: string;
  /** File name of its password, beside popgate.toml. */
  readonly password: string;
  /** Further lines. */
  readonly extra?: string;
}

export interface OutboundConfig {
  readonly dir: string;
  readonly certificates: Certificates;
  readonly exchangePort: number;
  readonly listen: number;
  /** Lines of `[listener]` that say who may send. */
  readonly who?: string;
  readonly relays: readonly RelayText[];
}

/** Writes it, and resolves with its path. */
export async function writeOutboundConfig(config: OutboundConfig): Promise<string> {
  const { dir, certificates } = config;
  await writeFile(path.join(dir, "server.pem"), certificates.cert);
  await writeFile(path.join(dir, "server.key"), certificates.key, { mode: 0o600 });
  await writeFile(path.join(dir, "unused"), "unused\n", { mode: 0o600 });
  const relays = config.relays.map(
    ({ name, port, tls, user, password, extra }) => `[[relay]]
name = "${name}"
host = "localhost"
port = ${port}
tls = "${tls}"
ca = "${certificates.caFile}"
user = "${user}"
password = { file = "${password}" }
retry = ["1s"]
${extra ?? ""}
`,
  );
  const file = path.join(dir, "popgate.toml");
  await writeFile(
    file,
    configText({
      dir,
      exchangePort: config.exchangePort,
      accounts: `[listener]
listen = ["127.0.0.1:${config.listen}"]
tls = { cert = "server.pem", key = "server.key" }
${config.who ?? 'allow = ["127.0.0.0/8"]'}

${relays.join("\n")}
[[collector]]
name = "unused"
enabled = false
host = "127.0.0.1"
tls = "off"
user = "unused"
password = { file = "unused" }
profile = "exim"
`,
    }),
  );
  return file;
}
