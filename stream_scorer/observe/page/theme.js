// Runs before the first paint, so that a theme that was chosen does not flash in the other one.
(() => {
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  // Storage may be forbidden; a choice then lasts as long as the page.
  const stored = (use) => {
    try {
      return use(localStorage);
    } catch {
      return null;
    }
  };
  const current = () => root.dataset.theme ?? (system.matches ? "dark" : "light");

  const theme = stored((store) => store.getItem("theme"));
  if (theme === "light" || theme === "dark") root.dataset.theme = theme;

  document.addEventListener("DOMContentLoaded", () => {
    const button = document.getElementById("theme");
    const show = () => button.setAttribute("aria-pressed", String(current() === "dark"));
    button.addEventListener("click", () => {
      root.dataset.theme = current() === "dark" ? "light" : "dark";
      stored((store) => store.setItem("theme", root.dataset.theme));
      show();
    });
    system.addEventListener("change", show);
    show();
  });
})();
