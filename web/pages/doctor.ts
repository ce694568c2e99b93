/** An examination of accounts, servers and host, asked for and shown. */
import { tried, type Around, type PageMaker } from "../around.ts";
import type { Finding } from "../../src/admin/schemas.ts";
import { h, replace, type Child } from "../dom.ts";
import { badge, button, foreign } from "../parts.ts";
import { plain } from "../plain.ts";

const tones: Readonly<Record<Finding["severity"], string>> = {
  error: "error",
  warning: "warning",
  info: "waiting",
  ok: "good",
};

export const doctorPage: PageMaker<"doctor"> = (around) => {
  const { api, signal, words } = around;
  const result = h("div", { id: "findings", "aria-live": "polite" });
  const run = async (): Promise<void> => {
    start.disabled = true;
    replace(result, h("p", { class: "quiet" }, words.doctorPage.running));
    const isDone = await tried(around, async () => {
      const findings = await api.doctor(signal);
      replace(result, findingList(around, findings));
    });
    if (!isDone) replace(result);
    start.disabled = false;
  };
  const start = button("doctor-start", () => void run(), words.doctorPage.start, { class: "primary" });
  return { title: words.doctor, content: [h("p", {}, words.doctorPage.about), start, result] };
};

function findingList({ words }: Around, findings: readonly Finding[]): Child {
  const { severities, summary } = words.doctorPage;
  const count = (severity: Finding["severity"]): number => findings.filter((each) => each.severity === severity).length;
  return [
    h("p", { role: "status" }, summary(count("error"), count("warning"), count("ok"))),
    h(
      "ul",
      { class: "troubles" },
      findings.map(({ severity, about, what, remedy, lines }) =>
        h(
          "li",
          { class: severity },
          badge(tones[severity], severities[severity]),
          " ",
          h("strong", {}, foreign(about)),
          h("p", { lang: "en" }, foreign(what, 1500)),
          remedy === undefined ? undefined : h("p", { lang: "en", class: "remedy" }, foreign(remedy, 1500)),
          lines === undefined ? undefined : h("pre", { tabindex: 0 }, lines.map(plain).join("\n")),
        ),
      ),
    ),
  ];
}
