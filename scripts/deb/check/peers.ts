// The peers of the trial, within the container and on the packaged Node: a POP3 box with one message, a relay, Exchange, and
// a name server that knows them. Mail that arrives is written to /srv/peers/<who>/<number>. Ends with SIGTERM.
import { createSocket } from "node:dgram";
import { mkdirSync, readdirSync, renameSync, writeFileSync } from "node:fs";
import { startPop3StandIn } from "../../../src/demo/pop3-stand-in.ts";
import { startSmtpStandIn } from "../../../src/demo/smtp-stand-in.ts";

const message = [
  "Envelope-to: anna@firma.example",
  "Received: by mx.provider.example; Tue, 3 Nov 2026 10:00:00 +0100",
  "Message-ID: <one@else.example>",
  "Subject: from the box",
  "",
  "Good day",
  "",
].join("\r\n");

const keep = (who: "exchange" | "relay"): (() => void) => {
  mkdirSync(`/srv/peers/${who}`, { recursive: true });
  let count = readdirSync(`/srv/peers/${who}`).length;
  return () => {
    writeFileSync(`/srv/peers/${who}.part`, "");
    renameSync(`/srv/peers/${who}.part`, `/srv/peers/${who}/${++count}`);
  };
};

await startPop3StandIn({
  port: 1110,
  accounts: [{ user: "sammel", password: "geheim", messages: [Buffer.from(message)] }],
});
await startSmtpStandIn({ port: 2525, onMessage: keep("exchange") });
await startSmtpStandIn({
  port: 2587,
  onMessage: keep("relay"),
  knobs: { auth: ["CRAM-MD5"], users: new Map([["firma", "relay-geheim"]]) },
});

// RFC 1035 §4: every A question is answered with 127.0.0.1, everything else with nothing.
const names = createSocket("udp4");
names.on("message", (question, { port, address }) => {
  let at = 12;
  while (question.readUInt8(at) !== 0) at += question.readUInt8(at) + 1;
  const asked = question.subarray(12, at + 5);
  const isAddress = question.readUInt16BE(at + 1) === 1;
  const head = Buffer.from([0, 0, 0x81, 0x80, 0, 1, 0, isAddress ? 1 : 0, 0, 0, 0, 0]);
  question.copy(head, 0, 0, 2);
  const answer = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1]);
  names.send(Buffer.concat(isAddress ? [head, asked, answer] : [head, asked]), port, address);
});
names.bind(53, "127.0.0.1", () => writeFileSync("/srv/peers/ready", ""));
