/**
 * Which hosts are meant by a list of networks, and under which name a host is counted.
 *
 * An address can be written in several ways: IPv4 as `::ffff:192.0.2.1` (RFC 4291 §2.5.5.2, what a socket that listens on
 * both families gives), IPv6 with a zone (`fe80::1%eth0`, RFC 4007 §11). All are the same host here. What is no address
 * at all is in no network.
 */
import { BlockList, isIP, isIPv4, SocketAddress } from "node:net";

export interface Networks {
  has(address: string): boolean;
}

/** `networks`: CIDR, or single addresses. Throws for what is neither: the configuration has been checked. */
export function networksOf(networks: readonly string[]): Networks {
  const list = new BlockList();
  for (const network of networks) {
    const [written = "", bits] = network.split("/");
    const address = plainAddress(written);
    const family = isIP(address);
    if (family === 0) throw new TypeError(`not a network: ${network}`);
    const longest = family === 4 ? 32 : 128;
    // A prefix of a mapped network counts the 96 bits of the mapping.
    const prefix = bits === undefined ? longest : Number(bits) - (family === 4 && !isIPv4(written) ? 96 : 0);
    if (!Number.isInteger(prefix) || prefix < 0 || prefix > longest) throw new TypeError(`not a network: ${network}`);
    list.addSubnet(address, prefix, family === 4 ? "ipv4" : "ipv6");
  }
  return {
    has(written) {
      const address = plainAddress(written);
      const family = isIP(address);
      return family !== 0 && list.check(address, family === 4 ? "ipv4" : "ipv6");
    },
  };
}

const loopback = networksOf(["127.0.0.0/8", "::1/128"]);

/** Whether it is this machine: what it sends crosses no network. */
export function isLoopbackAddress(address: string): boolean {
  return loopback.has(address);
}

/** One spelling of each address: without zone, IPv4 in its own form, IPv6 in lower case and shortened (RFC 5952). */
export function plainAddress(written: string): string {
  const bare = written.replace(/%.*$/su, "");
  if (isIP(bare) !== 6) return bare;
  const { address } = new SocketAddress({ address: bare, family: "ipv6" });
  const mapped = /^::ffff:(\d{1,3}(?:\.\d{1,3}){3})$/u.exec(address)?.[1];
  return mapped ?? address;
}

/**
 * Under which name a stranger is counted. One subscriber has at least a /64 of IPv6 (RFC 6177 §2), so counting single
 * addresses would count nothing.
 */
export function strangerKey(written: string): string {
  const address = plainAddress(written);
  if (isIP(address) !== 6) return address;
  const [head = "", tail] = address.split("::");
  const groups = head === "" ? [] : head.split(":");
  const behind = tail === undefined || tail === "" ? [] : tail.split(":");
  // A dotted end stands for two groups.
  const known = groups.length + behind.length + (tail?.includes(".") === true ? 1 : 0);
  const zeros = tail === undefined ? 0 : 8 - known;
  const all = [...groups, ...Array.from({ length: Math.max(0, zeros) }, () => "0"), ...behind];
  return `${all.slice(0, 4).join(":")}::/64`;
}
