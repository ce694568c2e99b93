// The peers of the trial, within the container and on the packaged Node: a POP3 box with one message, a relay, Exchange, and
// a name server that knows them. Mail that arrives is written to /srv/peers/<who>/<number>. Ends with SIGTERM.
import { createSocket } from "node:dgram";
import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { startPop3StandIn } from "/usr/lib/popgate/dist/demo/pop3-stand-in.js";
import { startSmtpStandIn } from "/usr/lib/popgate/dist/demo/smtp-stand-in.js";

const message = [
  "Envelope-to: anna@firma.example",
  "Received: by mx.provider.example; Tue, 3 Nov 2026 10:00:00 +0100",
  "Message-ID: <one@else.example>",
  "Subject: from the box",
  "",
  "Good day",
  "",
].join("\r\n");

const keep = (who) => {
  let count = 0;
  mkdirSync(`/srv/peers/${who}`, { recursive: true });
  return () => {
    writeFileSync(`/srv/peers/${who}.part`, "");
    renameSync(`/srv/peers/${who}.part`, `/srv/peers/${who}/${++count}`);
  };
};

await startPop3StandIn({ port: 1110, accounts: [{ user: "sammel", password: "geheim", messages: [Buffer.from(message)] }] });
await startSmtpStandIn({ port: 2525, onMessage: keep("exchange") });
await startSmtpStandIn({
  port: 2587,
  onMessage: keep("relay"),
  knobs: { auth: ["PLAIN"], users: new Map([["firma", "relay-geheim"]]) },
});

// RFC 1035 §4: every A question is answered with 127.0.0.1, everything else with nothing.
const names = createSocket("udp4");
names.on("message", (question, { port, address }) => {
  let at = 12;
  while (question[at] !== 0) at += question[at] + 1;
  const asked = question.subarray(12, at + 5);
  const isAddress = question.readUInt16BE(at + 1) === 1;
  const head = Buffer.from([question[0], question[1], 0x81, 0x80, 0, 1, 0, isAddress ? 1 : 0, 0, 0, 0, 0]);
  const answer = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1]);
  names.send(Buffer.concat(isAddress ? [head, asked, answer] : [head, asked]), port, address);
});
names.bind(53, "127.0.0.1", () => writeFileSync("/srv/peers/ready", ""));
