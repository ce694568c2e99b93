/** Reports to senders, in English. */
import type { ReportWords } from "./report-words.ts";

const administrator = "Ask your administrator; the server's answer below will help.";
const later = "Send the message again later, or reach the person in another way.";

const following = (count: number): string =>
  count === 1 ? "the following recipient" : `the following ${count} recipients`;
const megabytes = (octets: number): string => (octets / 1_000_000).toFixed(1);

export const englishReport: ReportWords = {
  locale: "en-GB",
  name: "Mail Delivery System",
  subject: { failed: "Undeliverable", delayed: "Delayed", relayed: "Relayed" },
  noSubject: "(no subject)",
  opening: {
    failed: (count) => `Your message could not be delivered to ${following(count)}.`,
    delayed: (count) => `Your message has not been delivered to ${following(count)} yet.`,
    relayed: (count) => `Your message for ${following(count)} has been handed to another mail server.`,
  },
  outlook: {
    failed: () => "It will not be tried again. If it is still to arrive, it has to be sent anew.",
    delayed: (until) =>
      `There is nothing you need to do; do not send it again. It will be tried until ${until}, and you will be told if that fails.`,
    relayed: () =>
      "That server sends no confirmations of delivery. Whether the message has reached the mailbox cannot be seen from here; a failure would normally be reported.",
  },
  subjectField: "Subject",
  sent: "Sent",
  meaning: "Reason",
  remedy: "What you can do",
  said: (server) => (server === undefined ? "The server's answer" : `Answer of ${server}`),
  detail: "Technical detail",
  expired: (meaning) => `It was tried until the time was up. The last try: ${meaning}`,
  notTriedYet: "The mail server that the message goes through takes nothing at present.",
  relayedTo: (server) => `Handed to ${server ?? "the next mail server"}.`,
  sizes: (size, limit) => `(It has ${megabytes(size)} MB, and ${megabytes(limit)} MB are allowed.)`,
  others: (others) =>
    others === 1
      ? "This report is not about the one other recipient of the message."
      : `This report is not about the ${others} other recipients of the message.`,
  more: (count) => `… and ${count} more; all of them are named in the attached delivery report.`,
  returned: {
    headers: "The header of your message is attached.",
    message: "Your message is attached.",
    none: "",
  },
  help: (postmaster) => `If you need help, forward this report to ${postmaster}.`,
  id: (id, hostname) => `Request ${id} at ${hostname}`,
  reasons: {
    "no-mailbox": {
      meaning: "This address is not known at the recipient's side.",
      remedy:
        "Check the spelling. If your mail program suggested the address, delete the suggestion and type the address anew.",
    },
    "mailbox-closed": {
      meaning: "The mailbox takes no messages.",
      remedy: "Ask the person for another address in another way.",
    },
    "no-domain": {
      meaning: "The domain of the address (behind the @) does not exist, or takes no mail.",
      remedy: "Check the spelling of the address behind the @.",
    },
    "bad-address": {
      meaning: "The server takes the address for invalid or ambiguous.",
      remedy: "Check the spelling, and look for spaces and special characters.",
    },
    "mailbox-full": { meaning: "The recipient's mailbox is full.", remedy: later },
    "too-large": {
      meaning: "The message is larger than what is taken on the way to the recipient.",
      remedy: "Send fewer or smaller attachments, or pass the files on in another way.",
    },
    spam: {
      meaning: "A mail server takes the message for unsolicited or harmful.",
      remedy:
        "Leave out conspicuous attachments and links, or reach the person in another way. If it happens often, ask your administrator.",
    },
    sender: { meaning: "Your sender address is not accepted on the way to the recipient.", remedy: administrator },
    "sender-unproved": {
      meaning: "The server could not confirm that the message really comes from your domain (SPF, DKIM, DMARC).",
      remedy: administrator,
    },
    policy: {
      meaning: "The recipient's server does not admit the message by its rules.",
      remedy:
        "Some addresses take messages of certain senders only. Ask the person in another way, or ask your administrator.",
    },
    content: {
      meaning: "The server cannot take the message in this form.",
      remedy: "Send it as plain text, or with other attachments.",
    },
    "no-utf8": {
      meaning: "The address contains characters that are not supported on the way to the recipient.",
      remedy: "Ask the person for an address in plain letters.",
    },
    "no-eight-bit": {
      meaning: "The server cannot take the message in its character encoding.",
      remedy: administrator,
    },
    "no-require-tls": {
      meaning:
        "The message must not be passed on without encryption, and that is not possible on the way to the recipient.",
      remedy: "Send it without that demand, or pass the content on in another way.",
    },
    loop: { meaning: "The message is being sent in a circle.", remedy: administrator },
    "too-many": {
      meaning: "There are too many recipients, or too many messages in a short time.",
      remedy: "Send the message again later, to fewer recipients at a time.",
    },
    busy: { meaning: "The server did not take the message for the time being.", remedy: later },
    unreachable: { meaning: "The mail server could not be reached.", remedy: later },
    "name-unknown": { meaning: "The name of the mail server could not be resolved.", remedy: later },
    tls: { meaning: "No secure connection to the mail server could be made.", remedy: administrator },
    login: { meaning: "The mail server does not accept our server's login.", remedy: administrator },
    returned: { meaning: "An administrator returned the message without delivering it.", remedy: administrator },
    "own-fault": { meaning: "Our mail server could not process the message.", remedy: administrator },
    refused: { meaning: "The server refused the message.", remedy: administrator },
  },
};
