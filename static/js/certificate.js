// A button that opens the browser's own print dialog, where there is a script to do so.
const button = document.getElementById("print");
if (button) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
  document.querySelector(".no-script")?.remove();
}
