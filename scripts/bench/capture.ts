/** Counts the packets that pass on loopback to and from a port, with tshark. */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";

export interface Traffic {
  readonly packets: number;
  /** With IP and TCP headers, without Ethernet's. */
  readonly octets: number;
}

const ethernetHeader = 14;

/** What passes while `work` runs, and shortly after it. `file` takes the capture. */
export async function trafficOf(port: number, file: string, work: () => Promise<unknown>): Promise<Traffic> {
  const args = ["-i", "lo", "-f", `tcp port ${port}`, "-w", file];
  const tshark = spawn("/usr/bin/tshark", args, { stdio: ["ignore", "ignore", "pipe"] });
  const exited = once(tshark, "exit");
  let said = "";
  try {
    for await (const chunk of tshark.stderr.iterator({ destroyOnReturn: false })) {
      said += String(chunk);
      if (said.includes("Capture started") || said.includes("Capturing on")) break;
    }
    tshark.stderr.resume();
    // It says so a little before it is true, and there is no other sign.
    await delay(1000);
    await work();
    // The last acknowledgements.
    await delay(1000);
  } finally {
    tshark.kill("SIGINT");
    await exited;
  }
  const lengths = execFileSync("/usr/bin/tshark", ["-r", file, "-T", "fields", "-e", "frame.len"], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  const sizes = lengths.split("\n").filter(Boolean).map(Number);
  if (sizes.length === 0) throw new Error(`nothing was captured on port ${port}:\n${said}`);
  return { packets: sizes.length, octets: sizes.reduce((sum, size) => sum + size - ethernetHeader, 0) };
}
