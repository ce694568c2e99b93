/**
 * The files of the web page, as the build has left them. They are read into memory once, under the very paths they are
 * asked for by: a request is a look-up in a table and never touches the file system, so no path leads anywhere else, and
 * a page that is open goes on finding its own parts while another build takes the place of this one.
 *
 * Symbolic links and names that begin with a dot are left out. Throws when there is more than a page can need.
 */
import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";

export interface WebFile {
  readonly type: string;
  readonly octets: Buffer;
  /** Of its contents, in quotes. */
  readonly etag: string;
  /** Its name changes with its contents. */
  readonly immutable: boolean;
}

const mostFiles = 500;
const mostOctets = 32 * 1024 * 1024;

/** `assets/index-B3xVq_9a.js`: what Vite calls its output. */
const hashedName = /^\/assets\/[^/]+-[A-Za-z0-9_-]{8}\.[a-z0-9]+(?:\.map)?$/u;

const types: Readonly<Record<string, string>> = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".ico": "image/x-icon",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json",
  ".map": "application/json",
  ".png": "image/png",
  ".svg": "image/svg+xml",
  ".txt": "text/plain; charset=utf-8",
  ".webmanifest": "application/manifest+json",
  ".webp": "image/webp",
  ".woff2": "font/woff2",
};

export class WebFiles {
  readonly #dir: string;
  #files: ReadonlyMap<string, WebFile> | undefined;
  #reading: Promise<void> | undefined;

  constructor(dir: string) {
    this.#dir = dir;
  }

  /** False when the page has not been built; it is looked for again the next time. */
  async ready(): Promise<boolean> {
    if (this.#files === undefined) await (this.#reading ??= this.#read());
    return this.#files !== undefined;
  }

  /** `pathname` as it stands in the request: what is written in another way is not there. */
  get(pathname: string): WebFile | undefined {
    return this.#files?.get(pathname === "/" ? "/index.html" : pathname);
  }

  async #read(): Promise<void> {
    try {
      const files = await filesOf(this.#dir);
      if (files.has("/index.html")) this.#files = files;
    } finally {
      this.#reading = undefined;
    }
  }
}

async function filesOf(dir: string): Promise<ReadonlyMap<string, WebFile>> {
  const files = new Map<string, WebFile>();
  let octets = 0;
  for (const file of await namesIn(dir)) {
    const contents = await readFile(file);
    octets += contents.length;
    if (files.size >= mostFiles || octets > mostOctets) throw new Error(`${dir} holds more than a web page needs`);
    const pathname = `/${path.relative(dir, file).split(path.sep).join("/")}`;
    files.set(pathname, {
      type: types[path.extname(file)] ?? "application/octet-stream",
      octets: contents,
      etag: `"${createHash("sha256").update(contents).digest("base64url").slice(0, 22)}"`,
      immutable: hashedName.test(pathname),
    });
  }
  return files;
}

/** None when there is no such directory. */
async function namesIn(dir: string): Promise<string[]> {
  try {
    const entries = await readdir(dir, { withFileTypes: true, recursive: true });
    return entries
      .filter((entry) => entry.isFile())
      .map((entry) => path.join(entry.parentPath, entry.name))
      .filter(
        (file) =>
          !path
            .relative(dir, file)
            .split(path.sep)
            .some((part) => part.startsWith(".")),
      );
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw error;
  }
}
