/**
 * What a provider decides about each recipient, asked by a real Postfix or Exim at RCPT: Postfix's policy delegation
 * protocol (attributes as `name=value` lines, an empty line, the action in reply), which Exim speaks through `readsocket`.
 * The rule is the spec's, and may be changed while the servers run: greylisting, refused senders, refused recipients.
 */
import { once } from "node:events";
import net, { type Socket } from "node:net";

interface PolicyRequest {
  readonly sender: string;
  readonly recipient: string;
}

/** Text of a reply (`450 4.7.1 Greylisted`), or `undefined` to let it pass. `asked`: how often this very pair was before. */
type PolicyRule = (request: PolicyRequest, asked: number) => string | undefined;

export interface PolicyServer extends AsyncDisposable {
  readonly port: number;
  readonly requests: readonly PolicyRequest[];
  rule: PolicyRule;
}

export async function startPolicyServer(): Promise<PolicyServer> {
  const requests: PolicyRequest[] = [];
  const sockets = new Set<Socket>();
  const state: { rule: PolicyRule } = { rule: () => undefined };
  const answer = (text: string): string => {
    const value = (name: string): string => new RegExp(`^${name}=(.*)$`, "mu").exec(text)?.[1]?.toLowerCase() ?? "";
    const request = { sender: value("sender"), recipient: value("recipient") };
    const asked = requests.filter(
      ({ sender, recipient }) => sender === request.sender && recipient === request.recipient,
    ).length;
    requests.push(request);
    return state.rule(request, asked) ?? "DUNNO";
  };
  const server = net.createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => sockets.delete(socket));
    let text = "";
    socket.on("data", (chunk: Buffer) => {
      text += chunk.toString("utf8");
      for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
        const reply = answer(text.slice(0, end));
        text = text.slice(end + 2);
        socket.write(`action=${reply}\n\n`);
      }
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return {
    port: address.port,
    requests,
    get rule() {
      return state.rule;
    },
    set rule(rule) {
      state.rule = rule;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
