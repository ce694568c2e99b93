import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["spec/**/*.spec.ts"],
    // What needs root, Debian packages or programs that a fresh machine may lack runs with `make peers`.
    exclude: [
      "spec/peer/**",
      "spec/crash/flush.spec.ts",
      "spec/scripts/certs.spec.ts",
      "spec/scripts/pack.spec.ts",
      "spec/scripts/man-lint.spec.ts",
      "node_modules/**",
    ],
    pool: "forks",
    // Many specs wait for processes and disks more than they compute: a small machine bears two at a time.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    testTimeout: 60_000,
    hookTimeout: 60_000,
    restoreMocks: true,
    unstubEnvs: true,
  },
});
