/**
 * Where the running daemon can be asked, read from its configuration without judging the rest: the socket must be found
 * while the file is being edited, and by people who may not read every secret it names. Never rejects.
 */
import { readFile } from "node:fs/promises";
import path from "node:path";
import { readDocument } from "./document.ts";

export const defaultAdminSocket = "/run/popgate/admin.sock";

/** `admin.socket` of the file; the default where the file does not say, or cannot be read. */
export async function adminSocketOf(file: string): Promise<string> {
  const text = await readFile(file, "utf8").catch(() => "");
  const { admin } = readDocument(text).root;
  const socket = isTable(admin) ? admin["socket"] : undefined;
  return typeof socket === "string" && socket !== "" ? path.resolve(path.dirname(file), socket) : defaultAdminSocket;
}

function isTable(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}
