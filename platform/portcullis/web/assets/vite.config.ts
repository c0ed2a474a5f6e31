/** Every folder of src with an index.ts is an entry of its own; a page names those that it needs. */
import { existsSync, readdirSync } from "node:fs";
import { defineConfig } from "vite";

const source = new URL("src/", import.meta.url).pathname;
const entries = Object.fromEntries(
  readdirSync(source)
    .filter((folder) => existsSync(`${source}${folder}/index.ts`))
    .map((folder) => [folder, `${source}${folder}/index.ts`]),
);

export default defineConfig({
  base: "/static/built/",
  publicDir: false,
  build: {
    outDir: "../static/built",
    emptyOutDir: true,
    manifest: "manifest.json",
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 700, // kB before compression: ECharts; the sum of all is held by a test
    assetsInlineLimit: 0, // a data: address is nothing that our policy lets in
    target: "es2022",
    rollupOptions: {
      input: entries,
      output: {
        entryFileNames: "[name]-[hash].js",
        chunkFileNames: "chunk-[name]-[hash].js",
        assetFileNames: "[name]-[hash][extname]",
      },
    },
  },
});
