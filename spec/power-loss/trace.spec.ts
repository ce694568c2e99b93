/** From strace's lines to steps: what counts when, and what is not passed over in silence. */
import { describe, expect, it } from "vitest";
import { Expectation } from "../../scripts/power-loss/expectation.ts";
import { stepsOf } from "../../scripts/power-loss/trace.ts";

const root = "/tmp/x";
const hex = (text: string): string =>
  [...Buffer.from(text)].map((octet) => `\\x${octet.toString(16).padStart(2, "0")}`).join("");
const fd = (number: number, name: string): string => `${number}<${hex(name)}>`;
const data = `${root}/spool/data.mdb`;
const opening = [
  `7 mkdir("${hex(`${root}/spool`)}", 0700) = 0`,
  `7 openat(AT_FDCWD<${hex("/work")}>, "${hex(data)}", O_RDWR|O_CREAT, 0600) = ${fd(20, data)}`,
  `7 openat(AT_FDCWD<${hex("/work")}>, "${hex(data)}", O_WRONLY|O_DSYNC|O_CLOEXEC) = ${fd(21, data)}`,
];
const opened = [
  { kind: "name", path: "spool", node: undefined },
  { kind: "name", path: "spool/data.mdb", node: 0 },
];

function steps(...lines: readonly string[]): unknown[] {
  return stepsOf([...opening, ...lines], root, { directories: [], files: [] }).map((step) =>
    "octets" in step ? { ...step, octets: Buffer.from(step.octets).toString() } : step,
  );
}

describe("a trace", () => {
  it("gives writes at their place, flushes, synchronous writes and marks, in their order", () => {
    expect(
      steps(
        `7 pwrite64(${fd(20, data)}, "${hex("abc")}", 3, 8192) = 3`,
        `7 lseek(${fd(20, data)}, 4096, SEEK_SET) = 4096`,
        `7 writev(${fd(20, data)}, [{iov_base="${hex("de")}", iov_len=2}, {iov_base="${hex("f")}", iov_len=1}], 2) = 3`,
        `7 write(${fd(20, data)}, "${hex("g")}", 1) = 1`,
        `7 fdatasync(${fd(20, data)}) = 0`,
        `7 pwrite64(${fd(21, data)}, "${hex("m")}", 1, 40) = 1`,
        `8 write(${fd(1, "/dev/null")}, "${hex("said\n")}", 5) = 5`,
        `7 fsync(${fd(22, `${root}/spool`)}) = 0`,
        `7 fsync(${fd(22, root)}) = 0`,
        `7 fsync(${fd(22, "/tmp")}) = 0`,
      ),
    ).toEqual([
      ...opened,
      { kind: "write", node: 0, at: 8192, octets: "abc" },
      { kind: "write", node: 0, at: 4096, octets: "def" },
      { kind: "write", node: 0, at: 4099, octets: "g" },
      { kind: "flushed", node: 0, since: 5 },
      { kind: "write", node: 0, at: 40, octets: "m" },
      { kind: "written", write: 6 },
      { kind: "mark", text: "said" },
      { kind: "settled", path: "spool", since: 9 },
      { kind: "settled", path: "", since: 10 },
    ]);
  });

  it("lets a write count from its start and a flush from its end, for what was written before it began", () => {
    expect(
      steps(
        `7 fdatasync(${fd(20, data)} <unfinished ...>`,
        `8 pwrite64(${fd(21, data)}, "${hex("m")}", 1, 40 <unfinished ...>`,
        `7 <... fdatasync resumed>) = 0`,
        `8 <... pwrite64 resumed>) = 1`,
      ).slice(2),
    ).toEqual([
      { kind: "write", node: 0, at: 40, octets: "m" },
      { kind: "flushed", node: 0, since: 2 },
      { kind: "written", write: 2 },
    ]);
  });

  it("takes no flush that failed for one, and follows renames and removals", () => {
    expect(
      steps(
        `7 fdatasync(${fd(20, data)}) = -1 EIO (Input/output error)`,
        `7 rename("${hex(data)}", "${hex(`${root}/other`)}") = 0`,
        `7 unlinkat(${fd(9, root)}, "${hex("spool")}", AT_REMOVEDIR) = 0`,
        `7 unlink("${hex(`${root}/lock.mdb`)}") = 0`,
      ).slice(2),
    ).toEqual([
      { kind: "rename", from: "spool/data.mdb", to: "other" },
      { kind: "unname", path: "spool" },
    ]);
  });

  it.each([
    ["a write cut off by strace", `7 pwrite64(${fd(20, data)}, "${hex("abc")}"..., 5000, 0) = 5000`],
    ["a write that failed", `7 pwrite64(${fd(20, data)}, "${hex("abc")}", 3, 0) = -1 ENOSPC (No space left on device)`],
    ["a short write", `7 pwrite64(${fd(20, data)}, "${hex("abc")}", 3, 0) = 2`],
    ["a file made shorter", `7 ftruncate(${fd(20, data)}, 4096) = 0`],
    ["a call that copies", `7 copy_file_range(${fd(20, data)}, NULL, ${fd(9, "/x")}, NULL, 9, 0) = 9`],
  ])("is refused for %s", (_, line) => {
    expect(() => steps(line)).toThrow(/./u);
  });
});

it("what is expected: the last acknowledged state, or one that was under way", () => {
  const expected = new Expectation();
  const note = (mark: unknown): void => expected.note(JSON.stringify(mark));
  note({ kind: "taken", id: "1", digest: "d", state: "open", uidl: "u" });
  note({ kind: "changing", id: "1", state: "half" });
  expect(expected.messages.get("1")?.states).toEqual(["open", "half"]);
  note({ kind: "changed", id: "1", state: "half" });
  expect(expected.messages.get("1")?.states).toEqual(["half"]);
  note({ kind: "remembering", value: 3 });
  expect(expected.remembered).toEqual({ least: 0, most: 3 });
  note({ kind: "remembered", value: 3 });
  expect(expected.remembered).toEqual({ least: 3, most: 3 });
});
