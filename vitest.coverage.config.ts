import { defineConfig, mergeConfig } from "vitest/config";
import base from "./vitest.config.ts";

/**
 * `make coverage`: which branches the specs take in the folders where a mistake loses mail. What runs in a process of its
 * own (the ones that are killed, the whole program) is not counted. Only specs that can add to the figures run: with all
 * the others as well they were the same to a branch.
 */
const addsNothing =
  "admin,app,cli,config,core,crash,demo,docs,doctor,flow,fuzz,migrate,net,notice,oauth,outbound,power-loss,report,runtime,sasl,scripts,torture,web";

export default mergeConfig(
  base,
  defineConfig({
    test: {
      // Counting slows down what starts many processes or computes for long.
      testTimeout: 180_000,
      exclude: [`spec/{${addsNothing}}/**`],
      // It is about memory, and takes minutes while branches are counted.
      testNamePattern: /^(?!.*150 MB in bounded memory)/u,
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
