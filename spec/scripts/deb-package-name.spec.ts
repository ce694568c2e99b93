/** Which package `make deb-check` looks at: the one of this version and machine, whatever lies beside it. */
import { expect, test } from "vitest";
import { shippedName } from "../../scripts/deb/package-name.ts";

const names = ["popgate_0.9.0-1_amd64.deb", "popgate_1.0.0-1_arm64.deb", "popgate_1.0.0-1_amd64.deb", "soak.csv"];

test("the one of the version in package.json is taken among several", () => {
  expect(shippedName(names, "1.0.0", "amd64")).toBe("popgate_1.0.0-1_amd64.deb");
  expect(shippedName(names, "0.9.0", "amd64")).toBe("popgate_0.9.0-1_amd64.deb");
});

test("without it the words say which there are", () => {
  expect(() => shippedName(names, "1.0.1", "amd64")).toThrow(
    "there is no popgate_1.0.1-1_amd64.deb, but popgate_0.9.0-1_amd64.deb, popgate_1.0.0-1_arm64.deb, popgate_1.0.0-1_amd64.deb: run make deb",
  );
  expect(() => shippedName(["soak.csv"], "1.0.0", "amd64")).toThrow(
    "there is no popgate_1.0.0-1_amd64.deb, nor any other: run make deb",
  );
});
