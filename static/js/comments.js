// An open workbench shows at once what an instructor has written: it tells the page, which fetches its objectives again.
import { announce } from "./app.js";
import { follow } from "./stream.js";

const lesson = window.location.pathname.split("/")[2];

follow(() => "/progress/events", {
  comment(event) {
    const news = JSON.parse(event.data);
    if (news.lesson !== lesson) return;
    window.htmx.ajax("GET", `/workbench/${lesson}`, { target: "#objectives", swap: "outerHTML" });
    if (news.comment) announce("A new comment from your instructor.");
  },
});
