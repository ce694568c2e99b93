/** How providers store a message that they take: which fields they add, where, and in how many copies. */

interface TakenMail {
  readonly reversePath: string;
  readonly recipients: readonly string[];
  readonly raw: Buffer;
}

/** What lies in the box afterwards. */
export type Storing = (mail: TakenMail) => Buffer[];

const date = "Tue, 24 Nov 2026 09:59:00 +0100";

function received(mail: TakenMail, software: string, host = "mx.provider.example"): string {
  const [only] = mail.recipients;
  const forWhom = mail.recipients.length === 1 ? `\r\n\tfor <${only ?? ""}>` : "";
  return `Received: from out.provider.example by ${host} with esmtp ${software}${forWhom};\r\n\t${date}\r\n`;
}

function above(fields: readonly string[], mail: TakenMail, trace: string): Buffer {
  const lines = [`Return-Path: <${mail.reversePath}>`, ...fields].map((field) => `${field}\r\n`).join("");
  return Buffer.concat([Buffer.from(lines + trace), mail.raw]);
}

function atEnd(fields: readonly string[], mail: TakenMail, trace: string): Buffer {
  const end = mail.raw.indexOf("\r\n\r\n") + 2;
  const lines = fields.map((field) => `${field}\r\n`).join("");
  return Buffer.concat([Buffer.from(trace), mail.raw.subarray(0, end), Buffer.from(lines), mail.raw.subarray(end)]);
}

/** Each recipient has a copy of his own, made as if it were for him alone. */
const copyEach =
  (store: (recipient: string, mail: TakenMail) => Buffer): Storing =>
  (mail) =>
    mail.recipients.map((recipient) => store(recipient, { ...mail, recipients: [recipient] }));

export const exim: Storing = (mail) => [
  above([`Envelope-to: ${mail.recipients.join(", ")}`, `Delivery-date: ${date}`], mail, received(mail, "(Exim 4.98)")),
];

/** Every copy names all of them. */
export const eximRepeating: Storing = (mail) =>
  mail.recipients.map(() =>
    above(
      [`Envelope-to: ${mail.recipients.join(", ")}`, `Delivery-date: ${date}`],
      mail,
      received(mail, "(Exim 4.98)"),
    ),
  );

export const postfix = copyEach((recipient, mail) =>
  above([`X-Original-To: ${recipient}`, "Delivered-To: box@provider.example"], mail, received(mail, "(Postfix)")),
);

export const qmail = copyEach((recipient, mail) =>
  above(
    [`Delivered-To: ${recipient}`],
    mail,
    `Received: (qmail 4711 invoked from network); 24 Nov 2026 08:59:00 -0000\r\n${received(mail, "SMTP")}`,
  ),
);

export const ionos = copyEach((recipient, mail) =>
  atEnd(
    [`Envelope-To: <${recipient}>`, "X-Spam-Flag: NO", "UI-InboundReport: notjunk:1;M01:P0:abc="],
    mail,
    received(mail, "(Nemesis) ESMTP", "mx.kundenserver.de"),
  ),
);

/** Its field is left out when a message has several recipients. */
export const dovecot: Storing = (mail) => {
  const trace = `Received: from mx.provider.example\r\n\tby mail.provider.example with LMTP\r\n\tid abc; ${date}\r\n`;
  const [only = ""] = mail.recipients;
  return mail.recipients.length === 1
    ? [above([`Delivered-To: ${only}`], mail, trace)]
    : mail.recipients.map(() => above([], mail, trace));
};

export const nothing: Storing = (mail) => [
  above([], mail, `Received: from a by mx.provider.example with esmtp;\r\n\t${date}\r\n`),
];

/** A catch-all in front of it has rewritten the recipient. */
export const rewriting: Storing = (mail) => [
  above(
    ["Delivered-To: sammel@firma.example"],
    mail,
    `Received: from a by mx.provider.example with esmtp (Postfix);\r\n\t${date}\r\n`,
  ),
];

/** Writes its own field below what the sender wrote, which so seems to be the provider's. */
export const forgedOnTop: Storing = (mail) => {
  const raw = mail.raw.toString("latin1");
  const end = raw.search(/^Date:/mu);
  const own = `Envelope-to: ${mail.recipients.join(", ")}\r\n`;
  const trace = `Received: from a by mx.provider.example with esmtp;\r\n\t${date}\r\n`;
  const top = raw.slice(0, end).replace(/^Received:.*\r\n/gmu, "");
  return [Buffer.from(`${top}${own}${trace}${raw.slice(end)}`, "latin1")];
};

/** Takes out of mail whatever looks like an envelope field of its own. */
export const cleaning: Storing = (mail) => {
  const raw = mail.raw.toString("latin1").replace(/^(?:Envelope-To|Delivered-To|X-Original-To):.*\r\n/gimu, "");
  return exim({ ...mail, raw: Buffer.from(raw, "latin1") });
};
