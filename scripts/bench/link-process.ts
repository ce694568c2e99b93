/**
 * A long line, in a process of its own: a TCP proxy that hands on what it gets after half of the round trip, in order and
 * without limiting the rate. A connection is through as soon as the kernel says so, so the time that its handshake would
 * take is added in front of the first octets.
 *
 * Arguments: port behind it, round trip in milliseconds. Tells its parent its own port.
 */
import { connect, createServer, type Socket } from "node:net";

const [behind = 0, roundTripMs = 0] = process.argv.slice(2).map(Number);
const oneWayMs = roundTripMs / 2;

const server = createServer({ noDelay: true, allowHalfOpen: true }, (near) => {
  // SYN, SYN and ACK, ACK: the server sees the connection one and a half round trips after the client asked for it.
  const far = connect({ host: "127.0.0.1", port: behind, noDelay: true, allowHalfOpen: true });
  const openAt = performance.now() + roundTripMs;
  handOn(near, far, openAt);
  handOn(far, near, openAt);
});

/** Octets that left `from` at t reach `into` at t + one way. */
function handOn(from: Socket, into: Socket, openAt: number): void {
  const under: { readonly at: number; readonly piece: Buffer | undefined }[] = [];
  let timer: NodeJS.Timeout | undefined;
  const deliver = (): void => {
    timer = undefined;
    for (let [first] = under; first !== undefined; [first] = under) {
      const wait = first.at - performance.now();
      if (wait > 0.5) {
        timer = setTimeout(deliver, wait);
        return;
      }
      under.shift();
      if (first.piece === undefined) into.end();
      else into.write(first.piece);
    }
  };
  const send = (piece: Buffer | undefined): void => {
    under.push({ at: Math.max(performance.now(), openAt) + oneWayMs, piece });
    timer ??= setTimeout(deliver, Math.max(0, (under[0]?.at ?? 0) - performance.now()));
  };
  from.on("data", send);
  from.on("end", () => send(undefined));
  from.on("error", () => into.destroy());
}

server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  process.send?.(address === null || typeof address === "string" ? 0 : address.port);
});
process.on("disconnect", () => process.exit(0));
