import { defineConfig } from "vitest/config";

/** Against real mail programs, strace and openssl: needs root and what scripts/peers-install.sh installs. */
export default defineConfig({
  test: {
    include: ["spec/peer/**/*.spec.ts", "spec/crash/flush.spec.ts", "spec/scripts/certs.spec.ts"],
    pool: "forks",
    fileParallelism: false,
    testTimeout: 240_000,
    hookTimeout: 60_000,
  },
});
