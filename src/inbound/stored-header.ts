/** Reads the header block of a spooled message, and no more of it than that. */
import type { MessageId } from "../core/ids.ts";
import { examine, type Examined } from "../message/examine.ts";
import type { Queue } from "../spool/port.ts";

/** Fails with what `Queue.body` fails with. The digest is not checked: that is done when the whole is delivered. */
export async function storedHeader(
  spool: Pick<Queue, "body">,
  id: MessageId,
  maxHeader: number,
): Promise<Pick<Examined, "header" | "headerTooLarge">> {
  const examination = examine({ maxHeader });
  for await (const chunk of spool.body(id)) {
    examination.push(chunk);
    if (examination.headComplete) break;
  }
  const { header, headerTooLarge } = examination.finish();
  return { header, headerTooLarge };
}
