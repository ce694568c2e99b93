/**
 * Builds the web page into web/dist: one script and one style sheet with their digests in their names. Nothing stands
 * inside the document and nothing is a data URL, so that a strict Content-Security-Policy holds.
 */
import { defineConfig } from "vite";

// oxlint-disable-next-line import/no-default-export -- Vite asks for it
export default defineConfig({
  base: "/",
  build: {
    outDir: "dist",
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // The first that know light-dark() of CSS.
    target: ["chrome123", "firefox120", "safari17.5"],
    sourcemap: false,
    reportCompressedSize: false,
  },
});
