/** A process of its own: opens so many connections to a port, reads what comes, and says when all have been opened. */
import { connect } from "node:net";

const [port, count] = process.argv.slice(2).map(Number);
const atOnce = 200;
let opened = 0;
let settled = 0;

function open(): void {
  if (opened === count) return;
  opened++;
  const socket = connect({ port: port ?? 0, host: "127.0.0.1", allowHalfOpen: true });
  let isSettled = false;
  const settle = (): void => {
    if (isSettled) return;
    isSettled = true;
    settled++;
    if (settled === count) process.send?.("open");
    open();
  };
  socket.on("data", settle);
  socket.on("end", () => socket.end());
  socket.on("error", settle);
}

for (let i = 0; i < atOnce; i++) open();
