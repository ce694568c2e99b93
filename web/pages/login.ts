/** Name and password. Neither is kept here for longer than it takes to send them. */
import type { WebSession } from "../../src/admin/web-schemas.ts";
import { ApiError } from "../api-client.ts";
import { whyNot, type Around, type Page } from "../around.ts";
import { h, replace } from "../dom.ts";
import { field } from "../parts.ts";

export function loginPage(around: Around, isEnded: boolean, done: (session: WebSession) => void): Page {
  const { api, words, signal } = around;
  const user = h("input", {
    id: "user",
    name: "username",
    autocomplete: "username",
    autocapitalize: "none",
    required: true,
  });
  const password = h("input", {
    id: "password",
    name: "password",
    type: "password",
    autocomplete: "current-password",
    required: true,
  });
  const fault = h("div", { role: "alert" }, isEnded ? h("p", {}, words.login.ended) : undefined);
  const submit = h("button", { type: "submit", class: "primary", id: "login" }, words.login.submit);
  const send = async (): Promise<void> => {
    submit.disabled = true;
    try {
      done(await api.login(user.value, password.value, signal));
    } catch (error) {
      if (signal.aborted) return;
      const isWrong = error instanceof ApiError && error.status === 401;
      replace(fault, h("p", { class: "fault" }, isWrong ? words.login.wrong : whyNot(error, around)));
      submit.disabled = false;
      password.value = "";
      password.focus();
    }
  };
  const form = h(
    "form",
    {
      class: "login",
      onsubmit: (event) => {
        event.preventDefault();
        void send();
      },
    },
    fault,
    field(words.login.user, user),
    field(words.login.password, password),
    submit,
  );
  return { title: words.login.title, content: [form] };
}
