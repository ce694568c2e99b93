import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["spec/**/*.spec.ts"],
    // What needs root, Debian packages or programs that a fresh machine may lack runs with `make peers`.
    exclude: ["spec/peer/**", "spec/crash/flush.spec.ts", "spec/scripts/certs.spec.ts", "node_modules/**"],
    pool: "forks",
    testTimeout: 60_000,
    hookTimeout: 60_000,
    restoreMocks: true,
    unstubEnvs: true,
  },
});
