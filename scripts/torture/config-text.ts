/**
 * The configuration of a torture run. What can change while popgate runs is in `Settings`: other limits, another order of
 * the relays, one of them gone, an account that is not polled for a while. Pure.
 */
import { senders } from "./mail.ts";

export interface Settings {
  /** In the order in which they are tried. */
  readonly relays: readonly ("relay" | "zweit")[];
  readonly exchangeConnections: number;
  readonly relayConnections: number;
  readonly keep: "never" | "until-delivered";
  readonly sessionMessages: number;
  readonly pipelining: boolean;
  readonly pollsLager: boolean;
  readonly recipientsAtOnce: number;
  readonly auth: "auto" | "plain" | "login" | "cram-md5";
  /** Between two polls. */
  readonly every: string;
  /** How long it is known what became of a message. */
  readonly historyDays: number;
  readonly web: { readonly port: number; readonly user: string; readonly hash: string } | undefined;
}

/** Of popgate to each target. When it is killed, each can have one delivery under way and one that is being written down. */
export const connections = { exchange: 3, relay: 2, zweit: 2 } as const;

/** Deliveries that a killed process may leave not written down, for each target. */
export const underWay = {
  exchange: 2 * connections.exchange,
  relay: 2 * connections.relay,
  zweit: 2 * connections.zweit,
} as const;

export const usual: Settings = {
  relays: ["relay", "zweit"],
  exchangeConnections: connections.exchange,
  relayConnections: connections.relay,
  keep: "never",
  sessionMessages: 200,
  pipelining: true,
  pollsLager: true,
  recipientsAtOnce: 100,
  auth: "auto",
  every: "1s",
  historyDays: 3650,
  web: undefined,
};

/** Where everything is. Paths are absolute. */
export interface Places {
  readonly spool: string;
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  readonly password: string;
  readonly ports: Readonly<Record<"implicit" | "stls" | "listener" | "exchange" | "relay" | "zweit", number>>;
  readonly minFreeMiB: number;
}

export function configText(settings: Settings, places: Places): string {
  const relays = settings.relays.map((name) => relayText(name, settings, places));
  return `hostname = "popgate.firma.example"
postmaster = "postmaster@firma.example"
domains = ["firma.example"]

[spool]
dir = "${places.spool}"
min_free = "${places.minFreeMiB} MiB"
history_days = ${settings.historyDays}

[exchange]
host = "127.0.0.1"
port = ${places.ports.exchange}
tls = "required"
ca = "${places.ca}"
connections = ${settings.exchangeConnections}
max_recipients = ${settings.recipientsAtOnce}
retry = ["1s"]

[listener]
listen = ["127.0.0.1:${places.ports.listener}"]
allow = ["127.0.0.1/32"]
tls = { cert = "${places.cert}", key = "${places.key}" }
delay_notice = "3s"
queue_age_limit = "0s"

${relays.join("\n")}
${accountText("collector", "sammel", "implicit", 'tls = "implicit"\nprofile = "exim"', settings, places)}
${accountText("collector", "lager", "stls", `tls = "off"\nauth = "apop"\nprofile = "postfix"\nenabled = ${settings.pollsLager}`, settings, places)}
${accountText("mailbox", "post", "stls", 'tls = "starttls"\ndeliver_to = ["post@firma.example"]', settings, places)}
[report]
language = "en"

[admin]
socket = "admin.sock"
${webText(settings)}
[log]
level = "debug"
`;
}

function webText({ web }: Settings): string {
  if (web === undefined) return "";
  return `web = { listen = "127.0.0.1:${web.port}", users = { ${web.user} = "${web.hash}" } }\n`;
}

function relayText(name: "relay" | "zweit", settings: Settings, { ports, ca, password }: Places): string {
  const tls = name === "relay" ? "required" : "implicit";
  return `[[relay]]
name = "${name}"
host = "127.0.0.1"
port = ${ports[name]}
tls = "${tls}"
ca = "${ca}"
user = "firma"
password = { file = "${password}" }
senders = ["${senders[name]}", "*"]
auth = "${settings.auth}"
connections = ${settings.relayConnections}
max_recipients = ${settings.recipientsAtOnce}
rate = ["3000/minute"]
retry = ["1s"]
`;
}

function accountText(
  kind: "collector" | "mailbox",
  name: string,
  port: "implicit" | "stls",
  more: string,
  { keep, sessionMessages, pipelining, every }: Settings,
  { ports, ca, password }: Places,
): string {
  return `[[${kind}]]
name = "${name}"
host = "127.0.0.1"
port = ${ports[port]}
${name === "lager" ? "" : `ca = "${ca}"`}
user = "${name}"
password = { file = "${password}" }
every = "${every}"
keep = "${keep}"
session_messages = ${sessionMessages}
pipelining = ${pipelining}
${more}
`;
}
