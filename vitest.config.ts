import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["spec/**/*.spec.ts"],
    // Real peers need root and Debian packages: `make peers` runs them with a configuration of their own.
    exclude: ["spec/peer/**", "node_modules/**"],
    pool: "forks",
    testTimeout: 20_000,
    hookTimeout: 20_000,
    restoreMocks: true,
    unstubEnvs: true,
  },
});
