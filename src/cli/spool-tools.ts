/** `popgate verify` and `popgate rescue`: looking after a spool that no daemon uses, or that none can use any more. */
import { loadConfig } from "../config/load.ts";
import { formatProblem } from "../config/problem.ts";
import { dataFile } from "../spool/page-layout.ts";
import { SpoolError } from "../spool/port.ts";
import { rescueSpool } from "../spool/rescue.ts";
import { verifySpool, type VerifyReport } from "../spool/verify.ts";
import { exitStatus } from "./exit-status.ts";
import { Progress } from "./progress.ts";
import { Screen, type Output } from "./screen.ts";

/** Checks the spool that a configuration names. */
export async function runVerifyConfigured(file: string): Promise<number> {
  const result = await loadConfig(file, process.env);
  if (result.kind === "ok") return runVerify(result.config.spool.dir);
  for (const problem of result.problems) process.stderr.write(`${formatProblem(problem)}\n`);
  return exitStatus.usage;
}

/** Checks every body, index and count. Status 0: all agree; 1: faults, one line each, or no spool that can be read. */
export async function runVerify(dir: string, stderr: Output = process.stderr): Promise<number> {
  try {
    const verified = await verifyShown(dir, stderr);
    const { messages, queued, held, history, ledger, octets, remark, faults } = verified;
    for (const { where, detail } of faults) process.stdout.write(`${where}: ${detail}\n`);
    if (faults.some(({ where }) => where === dataFile)) {
      process.stdout.write(`the file itself is damaged: move ${dir} away and extract its mail with popgate rescue\n`);
      return exitStatus.failed;
    }
    process.stdout.write(
      `${messages} message(s) (${queued} queued, ${held} held), ${octets} octets compared, ${history} ended, ` +
        `${ledger} ledger entries; ${faults.length} fault(s)\n`,
    );
    if (remark !== undefined) process.stdout.write(`${remark}\n`);
    return faults.length === 0 ? exitStatus.ok : exitStatus.failed;
  } catch (error) {
    return told(error);
  }
}

async function verifyShown(dir: string, stderr: Output): Promise<VerifyReport> {
  using progress = new Progress({ screen: new Screen(stderr, process.env), isWanted: true });
  return await verifySpool(dir, progress.counted);
}

/** Extracts what there is, also from a file that LMDB cannot open. Status 0: every message whole; 1: some are not. */
export async function runRescue(dir: string, out: string): Promise<number> {
  try {
    const { whole, partial, ended, history, ledger, faults } = rescueSpool(dir, out);
    for (const fault of faults) process.stdout.write(`in the file: ${fault}\n`);
    for (const { id, detail } of partial) process.stdout.write(`${id} is not whole: ${detail}\n`);
    process.stdout.write(
      `${whole.length} message(s) extracted whole to ${out}, ${partial.length} in part; ` +
        `leftovers of ${ended} that had ended are left out; ` +
        `history.jsonl has ${history} ended message(s), ledger.jsonl ${ledger} entries\n`,
    );
    return partial.length === 0 ? exitStatus.ok : exitStatus.failed;
  } catch (error) {
    return told(error);
  }
}

function told(error: unknown): number {
  const known = error instanceof SpoolError || (error instanceof Error && "code" in error);
  if (!known) throw error;
  process.stderr.write(`popgate: ${error.message}\n`);
  return exitStatus.failed;
}
