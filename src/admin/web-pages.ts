/**
 * Answers with the files of the web page. Whoever navigates to a path that is none of them gets the page itself, which
 * knows what to show there; whoever asks for a file that is not there is told so. Needs no login: there is nothing in it
 * that is not in the published source.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { WebFiles, type WebFile } from "./web-files.ts";
import { pageHeaders } from "./web-headers.ts";

/** Below these is the program, not the page. */
const programs = /^\/(?:v1|web|healthz|readyz|metrics)(?:\/|$)/u;
/** Nobody navigates there. */
const assets = /^\/assets(?:\/|$)/u;

/** The route that takes what no other does. */
export const pagesPath = "/*";

const notBuilt = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>popgate</title></head>
<body>
<h1>The web page has not been built</h1>
<p>Run <code>make web</code> in popgate's directory, then load this page again.</p>
<p>All that it shows can be asked for on the command line too: <code>popgate status</code>.</p>
</body>
</html>
`;

/** `dir`: where the build has left the page. */
export function addPages(server: FastifyInstance, dir: string, overTls: boolean): void {
  const files = new WebFiles(dir);
  server.route({
    method: ["GET", "HEAD"],
    url: pagesPath,
    handler: async (request, reply) => {
      const pathname = request.url.split("?")[0] ?? "";
      if (programs.test(pathname)) return reply.callNotFound();
      if (!(await files.ready())) return reply.headers(pageHeaders(overTls)).code(503).type(htmlType).send(notBuilt);
      const file = files.get(pathname) ?? (isNavigation(request, pathname) ? files.get("/") : undefined);
      return file === undefined ? reply.callNotFound() : send(file, request, reply.headers(pageHeaders(overTls)));
    },
  });
}

const htmlType = "text/html; charset=utf-8";

function isNavigation({ headers }: FastifyRequest, pathname: string): boolean {
  return !assets.test(pathname) && (headers.accept ?? "").includes("text/html");
}

function send(file: WebFile, { headers }: FastifyRequest, reply: FastifyReply): FastifyReply {
  reply
    .header("cache-control", file.immutable ? "public, max-age=31536000, immutable" : "no-cache")
    .header("vary", "accept")
    .header("etag", file.etag);
  if (headers["if-none-match"] === file.etag) return reply.code(304).send();
  return reply.type(file.type).send(file.octets);
}
