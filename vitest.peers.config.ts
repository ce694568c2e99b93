import { defineConfig } from "vitest/config";

/** Against real mail programs, Chromium, strace and openssl: needs root and what scripts/peers-install.sh installs. */
export default defineConfig({
  test: {
    include: [
      "spec/peer/**/*.spec.ts",
      "spec/crash/flush.spec.ts",
      "spec/scripts/certs.spec.ts",
      "spec/scripts/pack.spec.ts",
      "spec/scripts/man-lint.spec.ts",
    ],
    pool: "forks",
    // Each has programs, ports and directories of its own, and waits more than it computes.
    maxWorkers: 2,
    testTimeout: 240_000,
    hookTimeout: 60_000,
  },
});
