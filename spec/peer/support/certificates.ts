/** A private CA and a server certificate for `localhost`, made with openssl for one run. */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";

export interface Certificates {
  readonly caFile: string;
  readonly cert: string;
  readonly key: string;
  /** SHA-256 of the server's certificate, hex with colons. */
  readonly fingerprint: string;
}

export function makeCertificates(dir: string): Certificates {
  const file = (name: string): string => path.join(dir, name);
  const openssl = (...args: string[]): string =>
    execFileSync("openssl", args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  openssl(
    "req",
    "-x509",
    ...curve,
    "-days",
    "2",
    "-subj",
    "/CN=popgate test CA",
    "-keyout",
    file("ca.key"),
    "-out",
    file("ca.pem"),
  );
  openssl("req", "-new", ...curve, "-subj", "/CN=localhost", "-keyout", file("server.key"), "-out", file("server.csr"));
  writeFileSync(file("ext"), "subjectAltName = DNS:localhost\nbasicConstraints = CA:FALSE\n");
  const files = ["-in", file("server.csr"), "-CA", file("ca.pem"), "-CAkey", file("ca.key"), "-CAcreateserial"];
  openssl("x509", "-req", ...files, "-days", "2", "-extfile", file("ext"), "-out", file("server.pem"));
  const print = openssl("x509", "-in", file("server.pem"), "-noout", "-fingerprint", "-sha256");
  return {
    caFile: file("ca.pem"),
    cert: readFileSync(file("server.pem"), "utf8"),
    key: readFileSync(file("server.key"), "utf8"),
    fingerprint: print.trim().split("=")[1] ?? "",
  };
}
