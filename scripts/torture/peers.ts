/**
 * Everybody around popgate in a torture run: two POP3 providers (implicit TLS; STLS and plain), Exchange behind STARTTLS,
 * two relays (STARTTLS; implicit TLS and without DSN), and a wire to each of them and to the listener, on which every piece
 * that passes is told. Certificates are made for the run.
 */
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { startPop3StandIn, type Pop3StandIn } from "../../src/demo/pop3-stand-in.ts";
import type { ReceivedMessage } from "../../src/demo/received-message.ts";
import { startSmtpStandIn, type SmtpStandIn } from "../../src/demo/smtp-stand-in.ts";
import { relaxedKnobs, type SmtpStandInKnobs } from "../../src/demo/smtp-stand-in-knobs.ts";
import { makeCertificate, type KeyAndCertificate } from "../../spec/fakes/certificates.ts";
import type { connections, Places } from "./config-text.ts";
import { freePort } from "./free-port.ts";
import { deadDomain, type BoxName } from "./mail.ts";
import { openWire, type Wire } from "./wire.ts";

const password = "torture-password";
export const targets = ["exchange", "relay", "zweit"] as const;
export type TargetName = keyof typeof connections;
export const wireNames = ["implicit", "stls", "listener", ...targets] as const;
export type WireName = (typeof wireNames)[number];
/** Which provider's server a box is on. */
const serverOf = { sammel: "implicit", lager: "stls", post: "stls" } as const;
export type ServerName = "implicit" | "stls";
const dayMs = 86_400_000;

export interface PeersPorts {
  readonly onPiece: () => void;
  /** Before the reply to the final dot. */
  readonly onMessage: (target: TargetName, message: ReceivedMessage) => void;
}

export class Peers implements AsyncDisposable {
  readonly #own = new AsyncDisposableStack();
  readonly #ports: PeersPorts;
  readonly #servers = new Map<ServerName, Pop3StandIn>();
  readonly #targets = new Map<TargetName, SmtpStandIn>();
  readonly #wires = new Map<WireName, Wire>();
  readonly #ca = makeCertificate({ name: "Torture CA", isAuthority: true, ...longLife() });
  #listener = 0;

  constructor(ports: PeersPorts) {
    this.#ports = ports;
  }

  get ca(): string {
    return this.#ca.cert;
  }

  async open(): Promise<void> {
    const tls = makeCertificate({
      name: "peer.example",
      hosts: ["localhost", "127.0.0.1"],
      issuer: this.#ca,
      ...longLife(),
    });
    const account = (user: BoxName) => ({ user, password, messages: [] });
    await this.#openServer("implicit", [account("sammel")], { ...tls, implicit: true });
    await this.#openServer("stls", [account("lager"), account("post")], tls);
    const login: Partial<SmtpStandInKnobs> = {
      auth: ["PLAIN", "LOGIN", "CRAM-MD5"],
      users: new Map([["firma", password]]),
      authRequired: true,
      authNeedsTls: true,
    };
    await this.#openTarget("exchange", { hostname: "exchange.firma.example" }, tls);
    await this.#openTarget("relay", { hostname: "relay.provider.example", ...login }, tls);
    await this.#openTarget(
      "zweit",
      { hostname: "zweit.provider.example", dsn: false, ...login },
      { ...tls, implicit: true },
    );
    this.#listener = await freePort();
    await this.#openWire("listener", this.#listener);
  }

  /** Writes certificates and passwords, and says where everything is. */
  async settle(dir: string, spool: string, minFreeMiB: number): Promise<Places> {
    const tls = makeCertificate({ name: "popgate", hosts: ["localhost"], issuer: this.#ca, ...longLife() });
    const file = (name: string): string => path.join(dir, name);
    await writeFile(file("ca.pem"), this.#ca.cert);
    await writeFile(file("cert.pem"), tls.cert);
    await writeFile(file("key.pem"), tls.key, { mode: 0o600 });
    await writeFile(file("password"), password, { mode: 0o600 });
    return {
      spool,
      ca: file("ca.pem"),
      cert: file("cert.pem"),
      key: file("key.pem"),
      password: file("password"),
      minFreeMiB,
      ports: {
        implicit: this.wire("implicit").port,
        stls: this.wire("stls").port,
        listener: this.#listener,
        exchange: this.wire("exchange").port,
        relay: this.wire("relay").port,
        zweit: this.wire("zweit").port,
      },
    };
  }

  server(name: ServerName): Pop3StandIn {
    return known(this.#servers.get(name));
  }

  target(name: TargetName): SmtpStandIn {
    return known(this.#targets.get(name));
  }

  wire(name: WireName): Wire {
    return known(this.#wires.get(name));
  }

  put(box: BoxName, raw: Buffer): void {
    this.server(serverOf[box]).box(box).add(raw);
  }

  get areBoxesEmpty(): boolean {
    return Object.entries(serverOf).every(([box, server]) => this.server(server).box(box).list().length === 0);
  }

  /** Everybody behaves again. */
  calm(): void {
    for (const name of ["implicit", "stls"] as const) {
      const { faults } = this.server(name);
      for (const key of ["dropAfterOctets", "dropAtQuit", "dropAfterQuit", "refuseQuit", "rollBackDeletions"] as const)
        faults[key] = undefined;
      faults.refuseLogin = undefined;
      faults.refuseRetrieve = undefined;
    }
    for (const name of targets) this.target(name).set({ at: {} });
    for (const name of wireNames) this.wire(name).stall(false);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#own.disposeAsync();
  }

  async #openServer(
    name: ServerName,
    accounts: { user: string; password: string; messages: Buffer[] }[],
    tls: KeyAndCertificate & { readonly implicit?: boolean },
  ): Promise<void> {
    const server = this.#own.use(await startPop3StandIn({ accounts, tls }));
    this.#servers.set(name, server);
    await this.#openWire(name, server.port);
  }

  async #openTarget(
    name: TargetName,
    knobs: Partial<SmtpStandInKnobs>,
    tls: KeyAndCertificate & { readonly implicit?: boolean },
  ): Promise<void> {
    const standIn = await startSmtpStandIn({
      tls,
      knobs: { ...relaxedKnobs, ...knobs },
      onMessage: (message) => this.#ports.onMessage(name, message),
    });
    standIn.set({
      atRcpt: new Proxy(
        {},
        {
          get: (_, address) =>
            String(address).endsWith(`@${deadDomain}`) ? { do: "reply", line: "550 5.1.1 no such user" } : undefined,
        },
      ),
    });
    this.#targets.set(name, this.#own.use(standIn));
    await this.#openWire(name, standIn.port);
  }

  async #openWire(name: WireName, port: number): Promise<void> {
    this.#wires.set(name, this.#own.use(await openWire(port, this.#ports.onPiece)));
  }
}

/** Good wherever popgate's clock jumps to. */
function longLife(): { readonly from: Date; readonly to: Date } {
  return { from: new Date(Date.now() - 60 * dayMs), to: new Date(Date.now() + 400 * dayMs) };
}

function known<T>(value: T | undefined): T {
  if (value === undefined) throw new TypeError("the world is not open");
  return value;
}
