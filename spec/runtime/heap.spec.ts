/** What `keepHeapSmall` does to V8, in a process of its own: its flags hold for all of a process. */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const heap = fileURLToPath(new URL("../../src/runtime/heap.ts", import.meta.url));

/** Octets of the space for young objects, before and after much has been made of which some outlives a collection. */
function youngSpace(isKeptSmall: boolean): { readonly before: number; readonly after: number } {
  const program = `
    import { getHeapSpaceStatistics } from "node:v8";
    import { keepHeapSmall } from ${JSON.stringify(heap)};
    const size = () => getHeapSpaceStatistics().find(({ space_name }) => space_name === "new_space").space_size;
    if (${isKeptSmall}) keepHeapSmall();
    const before = size();
    const ring = new Array(60_000);
    for (let made = 0; made < 3_000_000; made++) ring[made % ring.length] = { made, more: [made] };
    process.stdout.write(before + " " + size());
  `;
  const output = execFileSync(process.execPath, ["--input-type=module", "--eval", program], { encoding: "utf8" });
  const [before = Number.NaN, after = Number.NaN] = output.split(" ").map(Number);
  return { before, after };
}

describe("the space for young objects", () => {
  it("grows when nothing is said", () => {
    const { before, after } = youngSpace(false);
    expect(after).toBeGreaterThan(4 * before);
  });

  it("stays about as it is when the heap is kept small", () => {
    const { before, after } = youngSpace(true);
    expect(after).toBeLessThanOrEqual(2 * before);
  });
});
