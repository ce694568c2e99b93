import { defineConfig, mergeConfig } from "vitest/config";
import base from "./vitest.config.ts";

/**
 * `make coverage`: which branches the specs take in the folders where a mistake loses mail. What runs in a process of its
 * own (the ones that are killed, the whole program) is not counted.
 */
export default mergeConfig(
  base,
  defineConfig({
    test: {
      // Counting slows down what starts many processes or computes for long.
      testTimeout: 180_000,
      coverage: {
        enabled: true,
        provider: "v8",
        include: ["src/{spool,delivery,inbound,message,pop3}/**/*.ts"],
        reporter: ["text-summary", "json-summary", "json"],
        reportsDirectory: process.env["COVERAGE_DIR"] ?? "artefacts/coverage",
        // A spec that fails is told by itself; the figures are of use all the same.
        reportOnFailure: true,
      },
    },
  }),
);
