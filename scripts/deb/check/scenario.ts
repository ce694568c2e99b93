/** The life of an installed popgate, step by step; each step throws what it did not find. */
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { javaScriptOf } from "../../build.ts";
import { until, type Container, type Result } from "./container.ts";

const config = "/etc/popgate/popgate.toml";
const node = "/usr/lib/popgate/bin/node";
const asDaemon = ["setpriv", "--reuid=popgate", "--regid=popgate", "--clear-groups", "--"];

/** Three packages that differ in their version only. */
export interface Packages {
  readonly first: string;
  readonly second: string;
  readonly third: string;
}

export class Scenario {
  readonly #in: Container;

  constructor(container: Container) {
    this.#in = container;
  }

  /** Throws unless it ends with this status; resolves with what it printed. */
  #run(argv: readonly string[], status = 0): string {
    const result = this.#in.run(...argv);
    if (result.status !== status)
      throw new Error(`${argv.join(" ")}: status ${result.status}, not ${status}\n${result.text}`);
    return result.text;
  }

  #sh(script: string, status = 0): string {
    return this.#run(["sh", "-c", script], status).trim();
  }

  #expect(what: string, text: string, wanted: RegExp): void {
    if (!wanted.test(text)) throw new Error(`${what}: ${JSON.stringify(text)} is not ${String(wanted)}`);
  }

  #put(file: string, text: string, mode = "0644"): void {
    writeFileSync(path.join(this.#in.root, file), text);
    this.#run(["chmod", mode, file]);
  }

  #property(name: string): string {
    return this.#sh(`systemctl show --property=${name} --value popgate`);
  }

  #install(deb: string): string {
    const inside = `/root/${path.basename(deb)}`;
    cpSync(deb, path.join(this.#in.root, inside));
    return this.#run(["dpkg", "--install", inside]);
  }

  #arrived(who: "exchange" | "relay"): number {
    return Number(this.#sh(`ls /srv/peers/${who} | wc -l`));
  }

  #journal(): string {
    return this.#sh("journalctl --unit=popgate --output=cat --no-pager | tail -n 40");
  }

  async #reached(what: string, holds: () => boolean, withinMs = 30_000): Promise<void> {
    try {
      await until(what, withinMs, holds);
    } catch (error) {
      throw new Error(`${error instanceof Error ? error.message : ""}\n${this.#journal()}`, { cause: error });
    }
  }

  installed({ first }: Packages): void {
    const said = this.#install(first);
    this.#expect("what postinst says", said, /popgate init.*\n.*\/usr\/share\/doc\/popgate\/examples/u);
    this.#expect("the version", this.#run(["popgate", "--version"]), /^\d+\.\d+\.\d+/u);
    this.#expect("enabled", this.#sh("systemctl is-enabled popgate"), /^enabled$/u);
    this.#expect("not started without a configuration", this.#property("ActiveState"), /^inactive$/u);
    const modes = this.#sh("stat -c '%a %U:%G %n' /etc/popgate /var/lib/popgate");
    this.#expect("directories", modes, /^750 root:popgate \/etc\/popgate\n700 popgate:popgate \/var\/lib\/popgate$/u);
    this.#sh("cd / && md5sum --check --quiet /var/lib/dpkg/info/popgate.md5sums");
    for (const file of [
      "bash-completion/completions/popgate",
      "zsh/vendor-completions/_popgate",
      "fish/vendor_completions.d/popgate.fish",
    ])
      this.#sh(`test -s /usr/share/${file}`);
    for (const page of ["man1/popgate.1", "man5/popgate.toml.5"]) this.#sh(`gzip -t /usr/share/man/${page}.gz`);
    const example = "/usr/share/doc/popgate/examples/popgate.example.toml";
    this.#expect("the example", this.#run(["popgate", "check", "--config", example]), /The configuration is good/u);
    this.#expect("check of a bad file", this.#in.run("popgate", "check", "--config", "/etc/hostname").text, /./u);
    this.#run([...asDaemon, "popgate", "demo"]);
  }

  /** What root makes by `init` is what the daemon's user can read. */
  initialises(): void {
    const account = { name: "sammel", host: "127.0.0.1", port: 1, tls: "implicit", user: "sammel", password: "geheim" };
    const answers = {
      hostname: "popgate.firma.example",
      postmaster: "postmaster@firma.example",
      domains: ["firma.example"],
      account,
      exchange: "127.0.0.1",
    };
    this.#put("/root/answers.json", JSON.stringify(answers), "0600");
    this.#run(["popgate", "init", "--answers", "/root/answers.json"], 5);
    const modes = this.#sh(`stat -c '%a %U:%G %n' ${config} /etc/popgate/sammel.password`);
    this.#expect("init's files", modes, /^640 root:popgate .*\n600 popgate:popgate .*$/u);
    this.#run([...asDaemon, "popgate", "check"]);
    this.#sh(`rm ${config} /etc/popgate/sammel.password`);
  }

  /** The peers and a configuration that uses what the hardening could forbid: port 25, DNS, a command, a credential. */
  async peersStand(): Promise<void> {
    mkdirSync(path.join(this.#in.root, "srv/peers"), { recursive: true });
    for (const name of ["peers", "submit"]) {
      const source = readFileSync(path.join(import.meta.dirname, `${name}.ts`), "utf8");
      const made = javaScriptOf(`check/${name}.ts`, source).replaceAll("../../../src/", "/usr/lib/popgate/dist/");
      this.#put(`/srv/peers/${name}.mjs`, made);
    }
    this.#put("/etc/resolv.conf", "nameserver 127.0.0.1\noptions timeout:2\n");
    await this.startPeers();
    this.configure();
    this.#sh(`umask 077; echo geheim > /root/sammel; mkdir -p -m 755 /etc/systemd/system/popgate.service.d`);
    this.#put("/etc/systemd/system/popgate.service.d/trial.conf", "[Service]\nLoadCredential=sammel:/root/sammel\n");
    this.#sh("systemctl daemon-reload");
  }

  configure(): void {
    this.#put(config, configuration, "0640");
    this.#sh(`echo relay-geheim > /etc/popgate/relay.password; chmod 600 /etc/popgate/relay.password`);
    this.#sh(`chown root:popgate ${config}; chown popgate: /etc/popgate/relay.password`);
  }

  async startPeers(): Promise<void> {
    this.#sh(`rm -f /srv/peers/ready; systemd-run --quiet --unit=peers ${node} /srv/peers/peers.mjs`);
    await this.#reached("the peers stand", () => this.#in.run("test", "-e", "/srv/peers/ready").status === 0);
  }

  stopPeers(): void {
    this.#sh("systemctl stop peers; systemctl reset-failed peers 2>/dev/null || true");
  }

  async runs(): Promise<void> {
    this.#expect("check", this.#run(["popgate", "check"]), /The configuration is good/u);
    this.#run(["systemctl", "start", "popgate"]);
    this.#expect("state after start", this.#property("ActiveState"), /^active$/u);
    this.#expect("status line", this.#property("StatusText"), /takes mail|queued/u);
    const pid = this.#property("MainPID");
    this.#expect("its user", this.#sh(`stat -c %U /proc/${pid}`), /^popgate$/u);
    this.#expect("its capabilities", this.#sh(`grep CapEff /proc/${pid}/status`), /0000000000000400$/u);
    await this.#reached("the box's message is at Exchange", () => this.#arrived("exchange") === 1);
    this.#expect("submission", this.submit(), /^250 /u);
    await this.#reached("the submitted message is at the relay", () => this.#arrived("relay") === 1);
    const modes = this.#sh("stat -c '%a %U:%G' /run/popgate/admin.sock /var/lib/popgate/spool/data.mdb");
    this.#expect("socket and spool", modes, /^660 popgate:popgate\n600 popgate:popgate$/u);
    this.#expect("status, as root", this.#run(["popgate", "status"]), /sammel/u);
    const member = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--groups=popgate", "--"];
    this.#expect("status, as a member of the group", this.#run([...member, "popgate", "status"]), /sammel/u);
    this.#run(["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "--", "popgate", "status"], 7);
    // Where nobody could stop the daemon (a chroot), a removal meets it alive.
    const asked = this.#run([...asDaemon, node, "/usr/lib/popgate/packaging/without-mail.js", "/var/lib/popgate"]);
    this.#expect("a removal beside a daemon", asked, /^popgate: a purge will keep .* in use by process \d+[^\n]*\n$/u);
    this.#sh("test ! -e /var/lib/popgate/.removed-without-mail");
  }

  submit(): string {
    return this.#run([node, "/srv/peers/submit.mjs"]).trim();
  }

  async reloads(): Promise<void> {
    const pid = this.#property("MainPID");
    this.#sh(`echo '# edited' >> ${config}`);
    this.#run(["systemctl", "reload", "popgate"]);
    await this.#reached("the reload is done", () => this.#property("ActiveState") === "active");
    this.#sh(`sed -i 's/^hostname = .*/hostname = 17/' ${config}`);
    const refused = this.#in.run("systemctl", "reload", "popgate");
    if (refused.status === 0) throw new Error("a bad configuration was not refused by systemctl reload");
    this.#expect("the refusal's reason", this.#journal(), /hostname/u);
    this.#expect("after the refusal", this.#property("ActiveState"), /^active$/u);
    this.#expect("the old one takes mail", this.submit(), /^250 /u);
    this.#sh(
      `sed -i 's/^hostname = .*/hostname = "popgate.firma.example"/' ${config}; systemctl kill --signal=HUP popgate`,
    );
    await this.#reached(
      "SIGHUP loads it again",
      () => (this.#journal().match(/"event":"reloaded"/gu) ?? []).length >= 2,
    );
    this.#expect("the same process", this.#property("MainPID"), new RegExp(`^${pid}$`, "u"));
  }

  /** Stopped in its tracks, the daemon is killed by the watchdog and started anew. */
  async watchdogWatches(): Promise<void> {
    const file = "/etc/systemd/system/popgate.service.d/watchdog.conf";
    this.#put(file, "[Service]\nWatchdogSec=2\nRestartSec=1\n");
    this.#sh("systemctl daemon-reload; systemctl restart popgate");
    const pid = this.#property("MainPID");
    // It lives for longer than the time of its watchdog.
    await this.#reached("the watchdog has been told", () => /queued/u.test(this.#property("StatusText")));
    this.#sh("sleep 4");
    this.#expect("a daemon that lives is left alone", this.#property("NRestarts"), /^0$/u);
    this.#sh(`kill -STOP ${pid}`);
    await this.#reached(
      "a new one has been started",
      () => this.#property("NRestarts") === "1" && this.#property("ActiveState") === "active",
    );
    this.#expect("another process", this.#property("MainPID"), new RegExp(`^(?!${pid}$)\\d+$`, "u"));
    this.#sh(`rm ${file}; systemctl daemon-reload; systemctl restart popgate`);
  }

  /** Mail waits in the spool, the configuration has been edited: an upgrade touches neither and restarts the daemon. */
  async upgrades({ second, third }: Packages): Promise<void> {
    this.stopPeers();
    this.#expect("submission", this.submit(), /^250 /u);
    await this.#reached("the message waits", () => /kunde@else\.example/u.test(this.#run(["popgate", "queue"])));
    const before = this.#sh(`md5sum ${config} /etc/popgate/relay.password`);
    const pid = this.#property("MainPID");
    this.#install(second);
    this.#expect("the new version", this.#run(["popgate", "--version"]), /\+second/u);
    this.#expect("restarted", this.#property("MainPID"), new RegExp(`^(?!${pid}$)[1-9]\\d*$`, "u"));
    this.#expect("state", this.#property("ActiveState"), /^active$/u);
    const after = this.#sh(`md5sum ${config} /etc/popgate/relay.password`);
    if (after !== before) throw new Error(`the upgrade changed the configuration:\n${before}\n${after}`);
    this.#expect("the message still waits", this.#run(["popgate", "queue"]), /kunde@else\.example/u);
    this.#refusesBadConfiguration(third);
  }

  /** A configuration that the new version refuses: the one before goes on taking mail. */
  #refusesBadConfiguration(third: string): void {
    const pid = this.#property("MainPID");
    this.#sh(`sed -i 's/^hostname = .*/hostname = 17/' ${config}`);
    const said = this.#install(third);
    this.#expect("what postinst says", said, /hostname.*(?:.|\n)*the version before runs on/u);
    this.#expect("the same process", this.#property("MainPID"), new RegExp(`^${pid}$`, "u"));
    this.#expect("it takes mail", this.submit(), /^250 /u);
    this.#sh(`sed -i 's/^hostname = .*/hostname = "popgate.firma.example"/' ${config}`);
    this.#install(third);
    this.#expect("restarted when it is good", this.#property("MainPID"), new RegExp(`^(?!${pid}$)[1-9]\\d*$`, "u"));
  }

  /** Neither a removal nor a purge loses the two messages that wait. */
  async keepsMail({ first }: Packages): Promise<void> {
    this.#run(["dpkg", "--remove", "popgate"]);
    this.#sh(`test -e ${config} && test -s /var/lib/popgate/spool/data.mdb && ! systemctl is-active --quiet popgate`);
    const said = this.#run(["dpkg", "--purge", "popgate"]);
    this.#expect("what purge says", said, /\/var\/lib\/popgate is kept/u);
    this.#sh("test ! -e /etc/popgate && test -s /var/lib/popgate/spool/data.mdb");
    this.#install(first);
    await this.startPeers();
    this.configure();
    const sent = this.#arrived("relay");
    this.#run(["systemctl", "start", "popgate"]);
    await this.#reached("the mail that was kept is delivered", () => this.#arrived("relay") === sent + 2);
  }

  /** With nothing left to deliver a purge leaves nothing; what the administrator put there stays. */
  async purges(): Promise<void> {
    await this.#reached("the queue is empty", () => !/@else\.example/u.test(this.#run(["popgate", "queue"])));
    this.#sh("touch /etc/popgate/our-own.pem");
    const said = this.#run(["dpkg", "--purge", "popgate"]);
    this.#expect("what purge says", said, /\/etc\/popgate is kept/u);
    const left = this.#sh("find /etc/popgate /var/lib/popgate /usr/lib/popgate 2>/dev/null || true");
    this.#expect("what is left", left, /^\/etc\/popgate\n\/etc\/popgate\/our-own\.pem$/u);
  }

  failure(): Result {
    return this.#in.run(
      "sh",
      "-c",
      "systemctl status popgate --no-pager; journalctl --no-pager -u popgate | tail -n 30",
    );
  }
}

const configuration = `hostname = "popgate.firma.example"
postmaster = "postmaster@firma.example"
domains = ["firma.example"]

[exchange]
host = "exchange.firma.example"
port = 2525
tls = "off"

[[collector]]
name = "sammel"
host = "pop.provider.example"
port = 1110
tls = "off"
user = "sammel"
password = { credential = "sammel" }
profile = "exim"
keep = "never"
every = "5m"

[listener]
listen = ["0.0.0.0:25"]
allow = ["127.0.0.1/32"]

[[relay]]
name = "provider"
host = "smtp.provider.example"
port = 2587
tls = "off"
user = "firma"
password = { command = ["/bin/cat", "/etc/popgate/relay.password"] }
`;
