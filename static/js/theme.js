// Before anything is painted: pages without a theme of their own are as dark as the device wants.
const root = document.documentElement;
if (!root.dataset.theme) {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const follow = () => (root.dataset.theme = dark.matches ? "dark" : "light");
  dark.addEventListener("change", follow);
  follow();
}
