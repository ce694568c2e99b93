/**
 * The machine itself: who runs, the modes of configuration and spool, room on the disk, name resolution, the clock.
 * Looks at files and changes none. Modes mean nothing on platforms without users; there they are left out.
 */
import { access, constants, stat } from "node:fs/promises";
import path from "node:path";
import { connectionCode } from "../net/connection-trouble.ts";
import { type Finding, Notes } from "./finding.ts";
import { addressesOf } from "./names.ts";
import type { DoctorPorts } from "./port.ts";
import { sizeWords } from "./quantities.ts";

export interface HostToCheck {
  readonly hostname: string;
  readonly configFile: string;
  readonly spoolDir: string;
  readonly maxOctets: number;
  readonly minFreeOctets: number;
  readonly adminSocket: string;
  readonly isRunning: boolean;
  /** The user that asks; `undefined` where the platform has none. */
  readonly uid: number | undefined;
  /** Octets free on the file system of a directory. */
  readonly freeOctets: (dir: string) => Promise<number>;
  /** The spool's file: what it takes already is its own. */
  readonly dataFile: string;
}

/** Never rejects but with the signal's reason. */
export async function checkHost(
  host: HostToCheck,
  ports: DoctorPorts,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const notes = new Notes("host");
  notes.info(
    "daemon-state",
    host.isRunning
      ? `popgate is running (it answers at ${host.adminSocket}): a box that it is polling just now is in use`
      : "popgate is not running with this configuration",
  );
  if (host.uid === 0 && !host.isRunning)
    notes.info(
      "asked-as-root",
      "this was asked as root: what the user of the service may do shows only when it asks as that user",
    );
  await checkConfigFile(host, notes);
  await checkSpool(host, notes);
  await checkSocketFolder(host, notes);
  await checkNames(host, notes, ports, signal);
  return notes.findings;
}

async function checkConfigFile({ configFile, uid }: HostToCheck, notes: Notes): Promise<void> {
  const found = await stat(configFile).catch(() => undefined);
  if (found === undefined || uid === undefined) return;
  if ((found.mode & 0o022) !== 0)
    notes.error(
      "configuration-writable",
      `others than its owner can write ${configFile} (mode ${modeWords(found.mode)}), and with it the commands that popgate runs`,
      "Take that away:",
      [`chmod go-w ${configFile}`],
    );
  else notes.ok("configuration-mode", `${configFile} can be written by its owner only (mode ${modeWords(found.mode)})`);
}

async function checkSpool(host: HostToCheck, notes: Notes): Promise<void> {
  const { spoolDir, uid } = host;
  const found = await stat(spoolDir).catch(() => undefined);
  const dir = found === undefined ? await nearestFolder(spoolDir) : spoolDir;
  if (found === undefined) {
    const isPossible = await mayWrite(dir);
    if (isPossible)
      notes.info("spool-not-yet-there", `the spool ${spoolDir} is not there yet: it is made at the first start`);
    else
      notes.error(
        "spool-cannot-be-made",
        `the spool ${spoolDir} is not there, and this user may not make it in ${dir}`,
      );
  } else {
    if (uid !== undefined && (found.mode & 0o077) !== 0)
      notes.warn(
        "spool-readable-by-others",
        `the spool ${spoolDir} can be entered by others (mode ${modeWords(found.mode)}): the mail in it is theirs to read`,
        "Take that away:",
        [`chmod 700 ${spoolDir}`],
      );
    if (!(await mayWrite(spoolDir)))
      notes.error(
        "spool-not-writable",
        `this user may not write to the spool ${spoolDir}`,
        "It must belong to the user of the service.",
      );
    else notes.ok("spool-writable", `the spool ${spoolDir} belongs to uid ${found.uid} and can be written`);
  }
  await checkRoom(host, dir, notes);
}

async function checkRoom(host: HostToCheck, dir: string, notes: Notes): Promise<void> {
  const { spoolDir, maxOctets, minFreeOctets, freeOctets, dataFile } = host;
  const free = await freeOctets(dir);
  const used = (await stat(dataFile).catch(() => undefined))?.size ?? 0;
  const sizes = `${sizeWords(free)} free on the disk of ${spoolDir}`;
  if (free < minFreeOctets) {
    notes.error(
      "disk-full",
      `the disk is full: ${sizes}, and ${sizeWords(minFreeOctets)} must stay free (spool.min_free): no mail is fetched or taken`,
      "Make room, or give the spool a larger disk.",
    );
    return;
  }
  if (free - minFreeOctets + used < maxOctets)
    notes.warn(
      "disk-smaller-than-spool",
      `${sizes}, while the spool may grow to ${sizeWords(maxOctets)} (spool.max_size)`,
      "The disk would be full first. Lower max_size, or give the spool more room.",
    );
  else notes.ok("disk-room", sizes);
}

async function checkSocketFolder({ adminSocket, isRunning }: HostToCheck, notes: Notes): Promise<void> {
  if (isRunning) return;
  const dir = path.dirname(adminSocket);
  const found = await stat(dir).catch(() => undefined);
  if (found === undefined)
    notes.warn(
      "admin-folder-missing",
      `the folder ${dir} of the admin socket is not there`,
      "systemd makes it for the service when the unit says so:",
      ["RuntimeDirectory=popgate"],
    );
  else if (!(await mayWrite(dir)))
    notes.warn("admin-folder-not-writable", `this user may not make the admin socket in ${dir}`);
}

async function checkNames(
  { hostname }: HostToCheck,
  notes: Notes,
  ports: DoctorPorts,
  signal: AbortSignal,
): Promise<void> {
  try {
    const addresses = await addressesOf(hostname, ports, signal);
    notes.ok("own-name", `our own name ${hostname} is ${addresses.join(", ")}`);
  } catch (error) {
    signal.throwIfAborted();
    const code = connectionCode(error);
    if (code === "ENOTFOUND" || code === "ENODATA")
      notes.info(
        "own-name-not-in-dns",
        `our own name ${hostname} is not in DNS`,
        "Servers that look (few do on a LAN) may refuse us for that.",
      );
    else notes.warn("dns-silent", `DNS does not answer (${code}): no server can be found by its name`);
  }
}

/** The first folder above it that is there. */
async function nearestFolder(dir: string): Promise<string> {
  const above = path.dirname(dir);
  if (above === dir || (await stat(above).catch(() => undefined)) !== undefined) return above;
  return nearestFolder(above);
}

async function mayWrite(dir: string): Promise<boolean> {
  return access(dir, constants.W_OK | constants.X_OK).then(
    () => true,
    () => false,
  );
}

function modeWords(mode: number): string {
  return (mode & 0o7777).toString(8).padStart(4, "0");
}
