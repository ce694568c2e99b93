/** A report to a sender, read by parsers that are not ours: mailparser for the MIME structure and for the groups of fields. */
import { simpleParser } from "mailparser";

export interface ReadReport {
  readonly from: string;
  readonly to: string;
  readonly autoSubmitted: string;
  /** Text of the human part. */
  readonly text: string;
  /** Fields of the message (RFC 3464 §2.2), and of each recipient (§2.3); names in lower case. */
  readonly message: ReadonlyMap<string, string>;
  readonly recipients: readonly ReadonlyMap<string, string>[];
  /** Content type and content of the third part: the message, or its header block. */
  readonly original: { readonly type: string; readonly text: string };
}

/** Throws when it is no report (RFC 6522, RFC 3464). */
export async function readReport(raw: Buffer): Promise<ReadReport> {
  const mail = await simpleParser(raw, { keepDeliveryStatus: true });
  const auto = mail.headers.get("auto-submitted");
  const type = mail.headers.get("content-type");
  const isReport =
    typeof type === "object" && "value" in type && type.value === "multipart/report" && "params" in type
      ? JSON.stringify(type.params).includes("delivery-status")
      : false;
  if (!isReport) throw new Error(`not a report:\n${raw.toString("latin1").slice(0, 2000)}`);
  const [status, original] = mail.attachments;
  if (status?.contentType !== "message/delivery-status" || original === undefined)
    throw new Error(`parts missing: ${mail.attachments.map(({ contentType }) => contentType).join(", ")}`);
  const groups = status.content.toString("utf8").replaceAll("\r\n", "\n").trim().split(/\n\n+/u);
  const [message = new Map<string, string>(), ...recipients] = await Promise.all(groups.map(readFields));
  const to = Array.isArray(mail.to) ? mail.to : mail.to === undefined ? [] : [mail.to];
  return {
    from: mail.from?.text ?? "",
    to: to.map(({ text }) => text).join(", "),
    autoSubmitted: typeof auto === "string" ? auto : "",
    text: mail.text ?? "",
    message,
    recipients,
    original: { type: original.contentType, text: original.content.toString("utf8") },
  };
}

async function readFields(group: string): Promise<Map<string, string>> {
  const { headerLines } = await simpleParser(`${group}\n\n`);
  return new Map(headerLines.map(({ key, line }) => [key, line.slice(line.indexOf(":") + 1).trim()]));
}
