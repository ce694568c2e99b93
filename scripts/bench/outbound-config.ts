/** popgate as the smarthost of a company: a listener for Exchange, a relay, and no box that is polled. */
import { writeFile } from "node:fs/promises";
import path from "node:path";

export interface OutboundJob {
  readonly dir: string;
  readonly listen: number;
  /** Next hop for everything. */
  readonly smtpPort: number;
  readonly connections: number;
}

export async function outboundConfig({ dir, listen, smtpPort, connections }: OutboundJob): Promise<string> {
  await writeFile(path.join(dir, "password"), "unused\n", { mode: 0o600 });
  const file = path.join(dir, "popgate.toml");
  await writeFile(
    file,
    `hostname = "popgate.firma.example"
postmaster = "postmaster@firma.example"
domains = ["firma.example"]

[spool]
dir = "${path.join(dir, "spool")}"
max_size = "100 GiB"

[exchange]
host = "127.0.0.1"
port = ${smtpPort}
tls = "off"

[admin]
socket = "${path.join(dir, "admin.sock")}"

[listener]
listen = ["127.0.0.1:${listen}"]
allow = ["127.0.0.0/8"]
max_size = "200 MB"
queue_age_limit = "0s"

[[relay]]
name = "provider"
host = "127.0.0.1"
port = ${smtpPort}
tls = "off"
connections = ${connections}
messages_per_connection = 10000

[[collector]]
name = "unused"
enabled = false
host = "127.0.0.1"
tls = "off"
user = "unused"
password = { file = "password" }
profile = "exim"
`,
  );
  return file;
}
