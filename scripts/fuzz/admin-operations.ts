/** What the fuzzed admin interface stands before: one message, one account, and nothing else that is known. */
import type { Operations } from "../../src/admin/port.ts";
import type { Audit, Status } from "../../src/admin/schemas.ts";

export const knownId = "000000000BCDFG";
const knownAccount = "box";

const status: Status = {
  version: "1.2.3",
  hostname: "mail.firma.example",
  startedAt: 1000,
  now: 61_000,
  config: "/etc/popgate/popgate.toml",
  spool: { dir: "/var/spool/popgate", health: "ok", freeOctets: 5000, diskOctets: 20_000 },
  queue: {
    queued: 0,
    held: 0,
    octets: 0,
    inbound: { queued: 0, held: 0 },
    outbound: { queued: 0, held: 0 },
    heldByReason: {},
  },
  accounts: [],
  destinations: [],
  listeners: [],
  troubles: [],
};

const audit: Audit = {
  messages: 0,
  open: 0,
  ended: 0,
  ways: [],
  recipients: { queued: 0, held: 0, delivered: 0, bounced: 0, expired: 0, dropped: 0 },
  undecided: 0,
  failures: { reported: 0, owed: 0, unwished: 0 },
  reports: 0,
  droppedBy: {},
  forgotten: 0,
  steady: true,
  wrong: 0,
  inconsistencies: [],
};

async function* once(text: string): AsyncGenerator<Buffer> {
  yield Buffer.from(text);
}

export function fewOperations(): Operations {
  return {
    status: async () => status,
    statistics: async () => ({ now: 0, since: 0, hours: [] }),
    audit: async () => audit,
    messages: async () => ({ messages: [] }),
    message: async () => undefined,
    explain: async () => [],
    raw: async (id) => (id === knownId ? once("Subject: x\r\n\r\nbody\r\n") : undefined),
    act: async (ids) =>
      ids.map((id) =>
        id === knownId
          ? { id, kind: "done", detail: "" }
          : { id, kind: "not-found", detail: "there is no such message" },
      ),
    resolve: async function* () {
      yield* [];
    },
    poll: async (account) => (account === undefined || account === knownAccount ? [] : undefined),
    doctor: async () => [],
    pauseAccount: async (name) => name === knownAccount,
    pauseDestination: async (name) => name === "exchange x:25",
    reload: async () => ({ kind: "ok" }),
    backup: async () => undefined,
    onEvent: () => ({ [Symbol.dispose]: () => undefined }),
  };
}
