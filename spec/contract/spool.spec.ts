import { openSpool, defaultSpoolOptions, type OwnedSpool } from "../../src/spool/spool.ts";
import { ManualClock } from "../fakes/manual-clock.ts";
import { MemoryStore, openMemorySpool } from "../fakes/memory-spool.ts";
import { EventList, seededRandom, TemporaryDirectory } from "../spool/support.ts";
import { outboundContract } from "./outbound-contract.ts";
import { spoolContract, type SpoolUnderTest } from "./spool-contract.ts";

const chunkOctets = 64 * 1024;

const onLmdb = async (): Promise<SpoolUnderTest> => {
  const dir = new TemporaryDirectory();
  const ports = { clock: new ManualClock(), random: seededRandom(), events: new EventList() };
  const options = {
    ...defaultSpoolOptions,
    dir: dir.path,
    maxOctets: 1e12,
    minFreeOctets: 0,
    historyDays: 30,
    ballastOctets: 0,
    chunkOctets,
  };
  return underTest(
    ports.clock,
    async () => openSpool(options, ports),
    () => dir[Symbol.dispose](),
  );
};

const inMemory = async (): Promise<SpoolUnderTest> => {
  const store = new MemoryStore();
  const ports = { clock: new ManualClock(), random: seededRandom(), events: new EventList() };
  return underTest(
    ports.clock,
    async () => openMemorySpool(ports, store, { chunkOctets }),
    () => undefined,
  );
};

spoolContract("LMDB", onLmdb);
spoolContract("a store in memory", inMemory);
outboundContract("LMDB", onLmdb);
outboundContract("a store in memory", inMemory);

async function underTest(
  clock: ManualClock,
  open: () => Promise<OwnedSpool>,
  remove: () => void,
): Promise<SpoolUnderTest> {
  const spool = await open();
  return {
    spool,
    clock,
    chunkOctets,
    async reopen() {
      await spool[Symbol.asyncDispose]();
      return underTest(clock, open, remove);
    },
    async end() {
      await spool[Symbol.asyncDispose]();
      remove();
    },
  };
}
