// Due dates are shown in the browser's own zone until somebody chooses another.

const form = document.getElementById("zone-form");
const select = document.getElementById("zone");
const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
if (form.hasAttribute("data-guess") && own !== select.value && [...select.options].some((option) => option.value === own)) {
  const address = new URL(window.location.href);
  address.searchParams.set("zone", own);
  window.location.replace(address);
}
