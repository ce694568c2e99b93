/** What another collector calls the envelope field, as an entry of `envelope`. Pure. */
const senders = new Set(["from", "sender", "bcc", "reply-to", "return-path"]);

/** `envelope: undefined` has the profile learnt from the box. */
export function envelopeOf(written: string): {
  readonly envelope: string | undefined;
  readonly remark: string | undefined;
} {
  const name = written.trim().replace(/:$/u, "");
  const lower = name.toLowerCase();
  if (lower === "received") return { envelope: "received-for", remark: undefined };
  if (lower === "to" || lower === "cc")
    return { envelope: "to-cc", remark: "To and Cc show neither blind copies nor mailing lists" };
  if (!/^[!-9;-~]+$/u.test(name) || senders.has(lower))
    return {
      envelope: undefined,
      remark: "this is not a field that names recipients; popgate learns the field from the box",
    };
  return { envelope: name, remark: undefined };
}
