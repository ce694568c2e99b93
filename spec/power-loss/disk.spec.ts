/** The disk that the check of power losses assumes: what it may keep, and what it must. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Disk, type DiskState, type Keeping } from "../../scripts/power-loss/disk.ts";
import { planOf } from "../../scripts/power-loss/plan.ts";
import type { Step } from "../../scripts/power-loss/step.ts";
import { Chance } from "../../scripts/torture/chance.ts";

const nothing = { directories: [], files: [] };
const file = "data.mdb";
const octets = (text: string, size = text.length): Buffer => Buffer.alloc(size, text);

const named: Step = { kind: "name", path: file, node: 0 };
const settled = (since: number): Step => ({ kind: "settled", path: "", since });
const write = (at: number, what: Buffer): Step => ({ kind: "write", node: 0, at, octets: what });
const flushed = (since: number): Step => ({ kind: "flushed", node: 0, since });

function diskAfter(...steps: readonly Step[]): Disk {
  const disk = new Disk(nothing);
  for (const step of steps) disk.apply(step);
  return disk;
}

/** What may be in the file, over many chances; `undefined`: it is not there. */
function outcomes(disk: Disk, keeping: Keeping): Set<string | undefined> {
  const content = (state: DiskState) => state.files.find((one) => one.path === file)?.octets.toString("latin1");
  return new Set(Array.from({ length: 200 }, (_, seed) => content(disk.state(keeping, new Chance(seed)))));
}

describe("what was not flushed", () => {
  it("may be kept as a whole, or not at all, or in any part", () => {
    const disk = diskAfter(named, settled(1), write(0, octets("a")), write(1, octets("b")));
    expect(outcomes(disk, "all")).toEqual(new Set(["ab"]));
    expect(outcomes(disk, "none")).toEqual(new Set([""]));
    expect(outcomes(disk, "writes")).toEqual(new Set(["", "a", "\0b", "ab"]));
    expect(disk.isOpen).toBe(true);
  });

  it("is torn between sectors, at the disk's borders, and never within one", () => {
    const disk = diskAfter(named, settled(1), write(500, octets("a", 24)));
    const [head, tail] = ["\0".repeat(500) + "a".repeat(12), "\0".repeat(512) + "a".repeat(12)];
    expect(outcomes(disk, "sectors")).toEqual(new Set(["", head, tail, head + "a".repeat(12)]));
    expect(outcomes(disk, "pages")).toEqual(new Set(["", head + "a".repeat(12)]));
  });

  it("of two writes to one place, the earlier one never takes the later one's", () => {
    const disk = diskAfter(named, settled(1), write(0, octets("a")), write(0, octets("b")));
    expect(outcomes(disk, "writes")).toEqual(new Set(["", "a", "b"]));
  });
});

describe("what was flushed", () => {
  it("stays, as far as it was written before the flush began", () => {
    const disk = diskAfter(named, settled(1), write(0, octets("a")), write(1, octets("b")), flushed(3));
    expect(outcomes(disk, "none")).toEqual(new Set(["a"]));
    disk.apply(flushed(5));
    for (const keeping of ["all", "none", "writes", "sectors"] as const)
      expect(outcomes(disk, keeping)).toEqual(new Set(["ab"]));
    expect(disk.isOpen).toBe(false);
  });

  it("stays of a synchronous write alone, and nothing beside it", () => {
    const disk = diskAfter(named, settled(1), write(0, octets("a")), write(1, octets("b")), {
      kind: "written",
      write: 3,
    });
    expect(outcomes(disk, "none")).toEqual(new Set(["\0b"]));
  });

  it("is gone all the same while nobody has flushed its name", () => {
    const disk = diskAfter(named, write(0, octets("a")), flushed(2));
    expect(outcomes(disk, "none")).toEqual(new Set([undefined]));
    disk.apply(settled(3));
    expect(outcomes(disk, "none")).toEqual(new Set(["a"]));
  });
});

describe("names", () => {
  it("reach the disk in their order, with the directories above them", () => {
    const disk = new Disk({ directories: [], files: [{ path: "x", node: 0, octets: octets("x") }] });
    const steps: Step[] = [
      { kind: "name", path: "copy", node: undefined },
      { kind: "name", path: `copy/${file}`, node: 1 },
      { kind: "unname", path: "x" },
    ];
    for (const step of steps) disk.apply(step);
    const seen = new Set(
      Array.from({ length: 100 }, (_, seed) => {
        const { directories, files } = disk.state("writes", new Chance(seed));
        return [...directories, ...files.map((one) => one.path)].sort().join(" ");
      }),
    );
    expect(seen).toEqual(new Set(["x", "copy x", `copy copy/${file} x`, `copy copy/${file}`]));
    // What a directory is flushed for is of no use while its own name may be lost.
    disk.apply({ kind: "settled", path: "copy", since: 3 });
    expect(disk.state("none", new Chance(1)).files.map((one) => one.path)).toEqual(["x"]);
    disk.apply({ kind: "settled", path: "", since: 4 });
    expect(disk.state("none", new Chance(1)).files.map((one) => one.path)).toEqual([`copy/${file}`]);
  });

  it("are renamed as a whole", () => {
    const disk = diskAfter(named, settled(1), write(0, octets("a")), flushed(3), {
      kind: "rename",
      from: file,
      to: "other",
    });
    for (const seed of [1, 2, 3, 4, 5, 6, 7, 8]) {
      const { files } = disk.state("writes", new Chance(seed));
      expect(files).toHaveLength(1);
      expect(files[0]?.octets.toString()).toBe("a");
    }
    expect(disk.state("none", new Chance(1)).files[0]?.path).toBe(file);
    expect(disk.state("all", new Chance(1)).files[0]?.path).toBe("other");
  });
});

it("flushed octets are there in every state, whatever is written beside them", () => {
  const pieces = fc.array(fc.record({ at: fc.nat(3000), size: fc.integer({ min: 1, max: 2000 }) }), { maxLength: 8 });
  fc.assert(
    fc.property(
      pieces,
      fc.nat(),
      fc.constantFrom<Keeping>("all", "none", "writes", "pages", "sectors"),
      (list, seed, keeping) => {
        const disk = diskAfter(named, settled(1), write(0, octets("kept", 100)), flushed(3));
        for (const { at, size } of list) disk.apply(write(100 + at, octets("x", size)));
        const [found] = disk.state(keeping, new Chance(seed)).files;
        expect(found?.octets.subarray(0, 100).equals(octets("kept", 100))).toBe(true);
      },
    ),
  );
});

it("a plan goes through the recording once, tries every open moment, and is the same for the same seed", () => {
  const steps = [named, settled(1), write(0, octets("a")), flushed(3), write(0, octets("b"))];
  const plan = planOf({ beginning: nothing, steps }, 5, 1000);
  expect(plan.map((state) => state.steps)).toEqual(plan.map((state) => state.steps).toSorted((a, b) => a - b));
  const open = new Set(plan.filter(({ keeping }) => keeping === "none").map((state) => state.steps));
  expect(open).toEqual(new Set([1, 3, 5]));
  expect(planOf({ beginning: nothing, steps }, 5, 1000)).toEqual(plan);
  expect(planOf({ beginning: nothing, steps }, 5, 4)).toHaveLength(4);
});
