/** `popgate upgrade` and `popgate downgrade`, and what verify and audit say of an older spool. */
import { writeFileSync } from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { packageVersion } from "../../src/runtime/version.ts";
import { schemaOf } from "../../src/spool/schema.ts";
import { unpackV1, withStore } from "../spool/spool-v1.ts";
import { TemporaryDirectory } from "../spool/support.ts";
import { typed } from "./console.ts";

describe("a spool of version 1", () => {
  let home: TemporaryDirectory;
  let dir: string;
  beforeEach(() => {
    home = new TemporaryDirectory();
    dir = path.join(home.path, "spool");
    unpackV1(dir);
  });
  afterEach(() => home[Symbol.dispose]());

  it("is upgraded and downgraded when it is asked for, told line by line", async () => {
    const up = await typed(["upgrade", dir]);
    expect(up).toMatchObject({ code: 0, stderr: "" });
    expect(up.stdout.split("\n")).toEqual([
      `spool ${dir}: is being changed from schema version 1 to 2, with a copy of the state before in ${dir}/before-schema-2`,
      expect.stringMatching(/^\d+ octets copied to .*before-schema-2$/u),
      expect.stringContaining("now has schema version 2"),
      "",
    ]);
    expect((await typed(["upgrade", dir])).stdout).toBe(`spool ${dir}: has schema version 2 already\n`);
    const state = await withStore(dir, (store) => schemaOf(store));
    expect(state).toMatchObject({ kind: "current", about: { popgate: packageVersion() } });
    const down = await typed(["downgrade", "--without-copy", dir]);
    expect(down).toMatchObject({ code: 0, stderr: "" });
    expect(down.stdout).toContain("from schema version 2 to 1, without a copy");
    expect(down.stdout).toContain("now start the older popgate");
    expect(await withStore(dir, (store) => schemaOf(store))).toMatchObject({ kind: "older", version: 1 });
  });

  it("is found by the configuration, whose min_free must stay free", async () => {
    vi.stubEnv("SECRET", "secret");
    const config = path.join(home.path, "popgate.toml");
    const write = (minFree: string): void =>
      writeFileSync(
        config,
        `hostname = "mail.firma.example"\npostmaster = "post@firma.example"\ndomains = ["firma.example"]\n` +
          `[spool]\ndir = "${dir}"\nmin_free = "${minFree}"\n[exchange]\nhost = "exchange.firma.example"\n` +
          `[[mailbox]]\nname = "box"\nhost = "h.example"\nuser = "u"\npassword = { env = "SECRET" }\n` +
          `deliver_to = ["chef@firma.example"]\n`,
      );
    write("9000000 GB");
    const refused = await typed(["upgrade", "--config", config]);
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining("--without-copy") as string });
    write("1 MB");
    expect(await typed(["upgrade", "--config", config])).toMatchObject({ code: 0 });
    expect(await typed(["downgrade", "--to", "2", "--config", config])).toMatchObject({
      code: 0,
      stdout: `spool ${dir}: has schema version 2 already\n`,
    });
  });

  it("is called older by verify and audit, which find nothing wrong with it", async () => {
    const verified = await typed(["verify", dir]);
    expect(verified.code).toBe(0);
    const audited = await typed(["audit", "--json", "--spool", dir]);
    expect(audited).toMatchObject({ code: 0, stderr: expect.stringContaining("of an older popgate") as string });
    expect(await withStore(dir, (store) => schemaOf(store))).toMatchObject({ kind: "older", version: 1 });
  });

  it("is not changed to a version that nobody knows, nor is there anything to change where there is none", async () => {
    expect(await typed(["downgrade", "--to", "3", dir])).toMatchObject({
      code: 1,
      stderr: "popgate: this popgate knows the schema versions 1 to 2, not 3\n",
    });
    expect((await typed(["downgrade", "--to", "one", dir])).code).toBe(2);
    expect(await typed(["upgrade", home.path])).toMatchObject({
      code: 1,
      stderr: `popgate: there is no spool in ${home.path}\n`,
    });
  });
});
