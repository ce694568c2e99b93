/**
 * What an ordinary user meets: root may read and open everything, so a spec of what is forbidden is run as nobody there.
 * For specs in processes of their own (vitest's forks); nothing else may run beside `work`.
 */
const nobody = 65_534;

/** Runs `work` with the rights of an ordinary user. What it opens must lie in folders that everybody may enter. */
export async function withoutPrivileges<T>(work: () => Promise<T>): Promise<T> {
  const { geteuid, seteuid } = process;
  if (geteuid === undefined || seteuid === undefined) throw new Error("this system has no users");
  if (geteuid.call(process) !== 0) return work();
  seteuid.call(process, nobody);
  try {
    return await work();
  } finally {
    seteuid.call(process, 0);
  }
}
