/**
 * Takes a message in: its octets stream into the spool as they come, its header block is looked at, and it is committed
 * with its envelope. 250 is answered when the commit has been flushed to disk, and not before (RFC 5321 §4.2.5, §6.1).
 *
 * Guarantees
 * - What was answered 250 is in the spool, once, with every recipient. What was answered otherwise is not in it.
 * - A client that is lost before the end of the message leaves nothing behind. Once the commit has begun it decides:
 *   a client that does not wait for the answer sends the message again, and it arrives twice rather than never.
 * - Memory per message is one chunk and its header block.
 *
 * Trouble with the spool is answered 4xx, so that the mail stays with the client. Stray CR and LF are kept as they came;
 * what is handed over later has CRLF for each of them (`message/render.ts`).
 */
import { formatReversePath } from "../core/address.ts";
import type { EventSink } from "../core/events.ts";
import type { MessageId } from "../core/ids.ts";
import type { Clock, EpochMs } from "../core/ports.ts";
import { examine, type Examined } from "../message/examine.ts";
import { readSubmission, type SubmissionEdits } from "../message/submission.ts";
import { receivedField, smtpProtocol, type SmtpProtocol } from "../message/trace.ts";
import type { Ingest, Intake } from "../spool/port.ts";
import type { MessageDraft } from "../spool/record.ts";
import { mergedRecipients } from "./merged-recipients.ts";
import * as answers from "./message-answers.ts";
import type { EnvelopeRecipient, MailRequest, Received, Receiver, SmtpClient, Verdict } from "./port.ts";

export interface ReceiverOptions {
  /** Our own name in Received and Message-ID. */
  readonly hostname: string;
  readonly maxOctets: number;
  readonly maxHeaderOctets: number;
}

export interface ReceiverPorts {
  readonly spool: Intake;
  readonly clock: Clock;
  readonly events: EventSink;
  /** Whether new mail is taken: see `back-pressure.ts`. */
  readonly pressure: () => Verdict;
  /** SIZE (RFC 1870) as the relays have last announced it, the largest of them; `undefined` when none is known. */
  readonly maxRelayOctets: () => number | undefined;
  /** Whether a relay keeps REQUIRETLS (RFC 8689), or may; unless given, one does. */
  readonly keepsRequireTls?: () => boolean;
}

/** Header blocks are read up to here. Exchange takes 256 kB. */
export const defaultMaxHeaderOctets = 1024 * 1024;

/** What our own fields and a signature may add to a message before a relay counts it. */
const addedOctets = 4096;

/** Who sends what to whom. */
interface Envelope {
  readonly client: SmtpClient;
  readonly request: MailRequest;
  readonly recipients: readonly [EnvelopeRecipient, ...EnvelopeRecipient[]];
}

export function createReceiver(options: ReceiverOptions, ports: ReceiverPorts): Receiver {
  const maxOctets = (): number => {
    const relay = ports.maxRelayOctets();
    // Zero says that there is no fixed limit (RFC 1870 §3).
    if (relay === undefined || relay === 0) return options.maxOctets;
    return Math.min(options.maxOctets, Math.max(1, relay - addedOctets));
  };
  return {
    pressure: ports.pressure,
    maxOctets,
    keepsRequireTls: () => ports.keepsRequireTls?.() ?? true,
    async receive(client, request, recipients, body, signal) {
      const limits = { octets: maxOctets(), header: options.maxHeaderOctets };
      try {
        return await receive(options.hostname, ports, { client, request, recipients }, limits, body, signal);
      } catch (error) {
        const answer = answers.answerTo(error);
        if (answer === undefined) throw error;
        return answer;
      }
    },
  };
}

async function receive(
  hostname: string,
  { spool, clock, events }: ReceiverPorts,
  envelope: Envelope,
  limits: { readonly octets: number; readonly header: number },
  body: AsyncIterable<Buffer>,
  signal: AbortSignal,
): Promise<Received> {
  // Not committed when this scope is left in any other way: disposing it leaves nothing behind.
  await using ingest = spool.begin();
  const examined = await read(ingest, limits, body, signal);
  if (examined.kind === "no") return examined;
  const now = clock.now();
  const { id } = ingest;
  const reading = readSubmission(examined.message.header, {
    hostname,
    id,
    at: now,
    received: ourField(hostname, envelope, id, now),
  });
  if (reading.kind === "refuse") return answers.circling(reading.detail);
  const draft = submittedDraft(envelope, examined.message, reading, now);
  // Promise 1: body and envelope are committed and flushed when this resolves. The client is told after it.
  const result = await ingest.commit(draft, undefined);
  if (result.kind !== "stored") throw new Error(`${id} was taken for a copy of ${result.of}`);
  const { client, request } = envelope;
  events.emit({
    kind: "submitted",
    message: id,
    client: client.address,
    user: client.user,
    from: formatReversePath(request.reversePath),
    recipients: draft.recipients.map(({ address }) => address),
    size: result.record.size,
  });
  return { kind: "stored", id, answer: answers.queuedAs(id) };
}

/** Reads the message to its end into the ingest. What is wrong with it is said as soon as it is seen. */
async function read(
  ingest: Ingest,
  limits: { readonly octets: number; readonly header: number },
  body: AsyncIterable<Buffer>,
  signal: AbortSignal,
): Promise<{ readonly kind: "read"; readonly message: Examined } | Extract<Verdict, { readonly kind: "no" }>> {
  const examination = examine({ maxHeader: limits.header });
  using chunks = new Chunks(body, signal);
  for (let step = await chunks.next(); step.kind !== "end"; step = await chunks.next()) {
    if (step.kind === "lost") return answers.incomplete;
    if (step.kind === "aborted") return answers.stopping;
    const { chunk } = step;
    if (ingest.size + chunk.length > limits.octets) return answers.tooLarge(limits.octets);
    if (chunk.includes(0)) return answers.holdsNul;
    examination.push(chunk);
    await ingest.write(chunk);
  }
  const message = examination.finish();
  return message.headerTooLarge ? answers.headerTooLarge(limits.header) : { kind: "read", message };
}

type Step =
  | { readonly kind: "chunk"; readonly chunk: Buffer }
  | { readonly kind: "end" }
  /** The client is gone, or is being refused by whoever reads from it. */
  | { readonly kind: "lost" }
  | { readonly kind: "aborted" };

/**
 * The chunks of a body, with a way out of waiting for the next one. The iterator is never told to return: what has not
 * been read is the caller's, who goes on reading it.
 */
class Chunks implements Disposable {
  readonly #iterator: AsyncIterator<Buffer>;
  readonly #signal: AbortSignal;
  /** Ends the wait for the next chunk. Anew for each: a promise that outlives them would keep them all. */
  #wake: (step: Step) => void = () => undefined;
  readonly #abort = (): void => this.#wake({ kind: "aborted" });

  constructor(body: AsyncIterable<Buffer>, signal: AbortSignal) {
    this.#iterator = body[Symbol.asyncIterator]();
    this.#signal = signal;
    signal.addEventListener("abort", this.#abort, { once: true });
  }

  async next(): Promise<Step> {
    if (this.#signal.aborted) return { kind: "aborted" };
    const { promise, resolve } = Promise.withResolvers<Step>();
    this.#wake = resolve;
    void this.#read().then(resolve);
    return promise;
  }

  [Symbol.dispose](): void {
    this.#signal.removeEventListener("abort", this.#abort);
  }

  async #read(): Promise<Step> {
    try {
      const step = await this.#iterator.next();
      return step.done === true ? { kind: "end" } : { kind: "chunk", chunk: step.value };
    } catch {
      return { kind: "lost" };
    }
  }
}

function ourField(hostname: string, { client, request }: Envelope, id: MessageId, at: EpochMs): string {
  const { helo: from, address, tls } = client;
  return receivedField({ hostname, from, address, protocol: protocolOf(client, request), tls, id, at });
}

function protocolOf({ esmtp, tls, user }: SmtpClient, { smtpUtf8 }: MailRequest): SmtpProtocol {
  return smtpProtocol({ esmtp, secure: tls !== undefined, authenticated: user !== undefined, smtpUtf8 });
}

function submittedDraft(
  { client, request, recipients }: Envelope,
  { summary, traits, contentDigest }: Examined,
  { edits, removed, added, notes, author }: SubmissionEdits,
  now: EpochMs,
): MessageDraft {
  const { reversePath, ret, envid, requireTls } = request;
  return {
    direction: "outbound",
    origin: { kind: "smtp", client: client.address, user: client.user, protocol: protocolOf(client, request) },
    reversePath,
    recipients: mergedRecipients(recipients, now),
    hold: undefined,
    edits,
    removed,
    evidence:
      notes.length === 0
        ? undefined
        : { profile: "submission", used: undefined, ignored: notes, mapped: [], zone: undefined },
    // What was added is what others will know the message by.
    summary: { ...summary, messageId: added.messageId ?? summary.messageId, date: added.date ?? summary.date },
    traits,
    contentDigest,
    submission: {
      sender: reversePath.kind === "address" ? reversePath.address : author,
      ret,
      envid,
      requireTls,
    },
  };
}
